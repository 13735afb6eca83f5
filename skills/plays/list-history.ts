import { operation } from '../../kernel/operation'
import { pageOf, paging } from '../../kernel/paging'
import { instant, named, shape } from '../../kernel/schema'
import { isTrackSeen, seenTracksAt, trackView } from '../streaming/views'

export const listHistory = operation({
  name: 'plays.listHistory',
  route: 'GET /me/history',
  summary: 'List your listening history',
  description:
    'Each track once, most recent first. Leaves out tracks that you can no longer see. Nobody else can read it.',
  who: 'signed-in',
  input: shape({ ...paging }),
  output: pageOf(named('Listened', shape({ track: trackView, at: instant }))),
  limit: { perMinute: 240 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  run: ({ input }, context) => seenTracksAt(input, visibleHistory, context),
})

const visibleHistory = `
  select t.id, l.at from listened l join tracks t on t.id = l.track_id
  where l.profile_id = :viewer and (l.at, l.track_id) < (cast(:at as timestamptz), cast(:id as uuid))
    and ${isTrackSeen('t', ':viewer', ':moderates')}
  order by l.at desc, l.track_id desc limit :count`
