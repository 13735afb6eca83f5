import { isModerator } from '../../kernel/actor'
import { operation } from '../../kernel/operation'
import { Page, pageFrom, pageOf, pageSize, paging, readCursor } from '../../kernel/paging'
import { instant, named, shape } from '../../kernel/schema'
import { Track } from '../../models'
import { isTrackSeen, trackView, viewTracks, whatIsVisible } from '../streaming/views'
import { newest } from '../user-profile/views'

export const listHistory = operation({
  name: 'plays.listHistory',
  route: 'GET /me/history',
  summary: 'What you have listened to, each track once, the latest first, as far as you may still see it. Yours alone.',
  who: 'signed-in',
  input: shape({ ...paging }),
  output: pageOf(named('Listened', shape({ track: trackView, at: instant }))),
  limit: { perMinute: 240 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  async run({ input, actor }, context) {
    const size = pageSize(input)
    const [at, id] = readCursor(input, 2) ?? newest
    const names = { viewer: actor.id, moderates: isModerator(actor), at, id, count: size + 1 }
    const rows = await context.world.db.query<{ id: string; at: Date }>(latest, names)
    const page = pageFrom(
      rows,
      size,
      row => [row.at.toISOString(), row.id],
      row => row,
    )
    const tracks = await Track.findAll({ where: { id: page.items.map(row => row.id) } })
    const views = await viewTracks(await whatIsVisible(tracks, context), context)
    const byId = new Map(views.map(view => [view.id, view]))
    const shown = page.items.flatMap(row => {
      const track = byId.get(row.id)
      return track === undefined ? [] : [{ track, at: row.at.toISOString() }]
    })
    return new Page(shown, page.next)
  },
})

const latest = `
  select t.id, l.at from listened l join tracks t on t.id = l.track_id
  where l.profile_id = :viewer and (l.at, l.track_id) < (cast(:at as timestamptz), cast(:id as uuid))
    and ${isTrackSeen('t', ':viewer', ':moderates')}
  order by l.at desc, l.track_id desc limit :count`
