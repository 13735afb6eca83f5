import { operation } from '../../kernel/operation'
import { Page, pageOf, paging } from '../../kernel/paging'
import { shape } from '../../kernel/schema'
import { isTrackSeen, seenTracksAt, trackView } from '../streaming/views'

export const listLikedTracks = operation({
  name: 'interactions.listLikedTracks',
  route: 'GET /me/likes',
  summary: 'List the tracks that you like',
  description: 'Most recently liked first. Leaves out tracks that you can no longer see.',
  who: 'signed-in',
  input: shape({ ...paging }),
  output: pageOf(trackView),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  async run({ input }, context) {
    const { items, next } = await seenTracksAt(input, visibleLikes, context)
    return new Page(
      items.map(({ track }) => track),
      next,
    )
  },
})

const visibleLikes = `
  select t.id, l.created_at as at from likes l join tracks t on t.id = l.track_id
  where l.profile_id = :viewer and (l.created_at, l.track_id) < (cast(:at as timestamptz), cast(:id as uuid))
    and ${isTrackSeen('t', ':viewer', ':moderates')}
  order by l.created_at desc, l.track_id desc limit :count`
