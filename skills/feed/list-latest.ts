import { operation } from '../../kernel/operation'
import { Page, pageFrom, pageOf, pageSize, paging, readCursor } from '../../kernel/paging'
import { shape } from '../../kernel/schema'
import { listedTracks, trackView } from '../streaming/views'
import { blockBetween, newest } from '../user-profile/views'
import { listed } from './arrivals'

export const listLatest = operation({
  name: 'feed.listLatest',
  route: 'GET /tracks',
  summary: 'List the latest tracks',
  description: 'Public tracks of all artists, newest first.',
  who: 'anyone',
  input: shape({ ...paging }),
  output: pageOf(trackView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load(input, { actor, world }) {
    const values = [actor?.id ?? null, ...(readCursor(input, 2) ?? newest), pageSize(input) + 1]
    return world.db.read<Published>({ name: 'latest-tracks', text: latestSql, values })
  },

  allow: () => true,

  async run({ input, subject: rows }, context) {
    const page = pageFrom(rows, pageSize(input), keysOf, ({ id }) => id)
    const tracks = await listedTracks(page.items, context)
    return new Page(
      page.items.flatMap(id => tracks.get(id) ?? []),
      page.next,
    )
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
  where ${listed} and (t.published_at, t.id) < (cast($2 as timestamptz), cast($3 as uuid))
    and not ${blockBetween('t.owner_id', 'cast($1 as uuid)')}
  order by t.published_at desc, t.id desc limit $4`
