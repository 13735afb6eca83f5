import { operation } from '../../kernel/pipeline/operation'
import { pageOf, pagingFields, isAfterCursor } from '../../kernel/pipeline/paging'
import { shape } from '../../kernel/pipeline/schema'
import { isTrackVisibleSql, pageVisibleTracks, trackView } from '../tracks/views'

export const listLikedTracks = operation({
  name: 'interactions.listLikedTracks',
  route: 'GET /me/likes',
  summary: 'List the tracks that you like',
  description: 'Most recently liked first. Leaves out tracks that you can no longer see.',
  auth: 'signed-in',
  input: shape({ ...pagingFields }),
  output: pageOf(trackView),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  async run({ input }, context) {
    const page = await pageVisibleTracks(input, visibleLikes, context)
    return page.map(({ track }) => track)
  },
})

const visibleLikes = `
  select t.id, l.created_at as at from likes l join tracks t on t.id = l.track_id
  where l.profile_id = :viewer and ${isAfterCursor('l.created_at', 'l.track_id')}
    and ${isTrackVisibleSql('t', ':viewer', ':moderates')}
  order by l.created_at desc, l.track_id desc limit :count`
