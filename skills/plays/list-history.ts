import { operation } from '../../kernel/pipeline/operation'
import { pageOf, pagingFields, isAfterCursor } from '../../kernel/pipeline/paging'
import { timestamp, named, shape } from '../../kernel/pipeline/schema'
import { isTrackVisibleSql, pageVisibleTracks, trackView } from '../tracks/views'

export const listHistory = operation({
  name: 'plays.listHistory',
  route: 'GET /me/history',
  summary: 'List your listening history',
  description:
    'Each track once, most recent first. Leaves out tracks that you can no longer see. Nobody else can read it.',
  auth: 'signed-in',
  input: shape({ ...pagingFields }),
  output: pageOf(named('HistoryEntry', shape({ track: trackView, at: timestamp }))),
  limit: { perMinute: 240 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  run: ({ input }, context) => pageVisibleTracks(input, visibleHistory, context),
})

const visibleHistory = `
  select t.id, h.played_at as at from history_entries h join tracks t on t.id = h.track_id
  where h.profile_id = :viewer and ${isAfterCursor('h.played_at', 'h.track_id')}
    and ${isTrackVisibleSql('t', ':viewer', ':moderates')}
  order by h.played_at desc, h.track_id desc limit :count`
