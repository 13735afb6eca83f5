import { operation } from '../../kernel/pipeline/operation'
import {
  toPage,
  pageOf,
  pageSize,
  pagingFields,
  parseCursor,
  firstPageCursor,
  isAfterCursor,
} from '../../kernel/pipeline/paging'
import { shape } from '../../kernel/pipeline/schema'
import { viewListedTracks, trackView } from '../tracks/views'
import { blockBetween } from '../user-profile/views'
import { isPublicTrack } from './load-feed-entries'

export const listLatestTracks = operation({
  name: 'feed.listLatestTracks',
  route: 'GET /tracks',
  summary: 'List the latest tracks',
  description: 'Public tracks of all artists, newest first.',
  auth: 'public',
  input: shape({ ...pagingFields }),
  output: pageOf(trackView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load(input, { actor, app }) {
    const values = [actor?.id ?? null, ...(parseCursor(input, 2) ?? firstPageCursor), pageSize(input) + 1]
    return app.db.readCommitted<Published>({ name: 'latest-tracks', text: latestSql, values })
  },

  allow: () => true,

  async run({ input, subject: rows }, context) {
    const page = toPage(rows, pageSize(input), keysOf).map(({ id }) => id)
    const tracks = await viewListedTracks(page.items, context)
    return page.flatMap(id => tracks.get(id) ?? [])
  },
})

interface Published {
  id: string
  at: Date
}

const keysOf = ({ at, id }: Published) => [at.toISOString(), id]

/** An index scan of tracks_published. */
const latestSql = `
  select t.id, t.published_at as at from tracks t
  where ${isPublicTrack} and ${isAfterCursor('t.published_at', 't.id', '$2', '$3')}
    and not ${blockBetween('t.owner_id', 'cast($1 as uuid)')}
  order by t.published_at desc, t.id desc limit $4`
