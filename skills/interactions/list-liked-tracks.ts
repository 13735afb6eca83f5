import { isModerator } from '../../kernel/actor'
import { operation } from '../../kernel/operation'
import { Page, pageFrom, pageOf, pageSize, paging, readCursor } from '../../kernel/paging'
import { shape } from '../../kernel/schema'
import { Track } from '../../models'
import { isTrackSeen, trackView, viewTracks, whatIsVisible } from '../streaming/views'
import { newest } from '../user-profile/views'

export const listLikedTracks = operation({
  name: 'interactions.listLikedTracks',
  route: 'GET /me/likes',
  summary: 'What you like, the latest first, as far as you may still see it.',
  who: 'signed-in',
  input: shape({ ...paging }),
  output: pageOf(trackView),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  async run({ input, actor }, context) {
    const size = pageSize(input)
    const [at, id] = readCursor(input, 2) ?? newest
    const names = { viewer: actor.id, moderates: isModerator(actor), at, id, count: size + 1 }
    const rows = await context.world.db.query<{ id: string; at: Date }>(visibleLikes, names)
    const page = pageFrom(
      rows,
      size,
      row => [row.at.toISOString(), row.id],
      row => row.id,
    )
    const tracks = await whatIsVisible(await Track.findAll({ where: { id: page.items } }), context)
    const views = new Map((await viewTracks(tracks, context)).map(view => [view.id, view]))
    return new Page(
      page.items.flatMap(trackId => views.get(trackId) ?? []),
      page.next,
    )
  },
})

const visibleLikes = `
  select t.id, l.created_at as at from likes l join tracks t on t.id = l.track_id
  where l.profile_id = :viewer and (l.created_at, l.track_id) < (cast(:at as timestamptz), cast(:id as uuid))
    and ${isTrackSeen('t', ':viewer', ':moderates')}
  order by l.created_at desc, l.track_id desc limit :count`
