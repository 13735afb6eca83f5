import { isModerator } from '../../kernel/pipeline/actor'
import { operation } from '../../kernel/pipeline/operation'
import { toPage, pageOf, pageSize, pagingFields, parseCursor } from '../../kernel/pipeline/paging'
import { timestamp, named, number, shape } from '../../kernel/pipeline/schema'
import { lastUuid } from '../../kernel/pipeline/uuid'
import { Track } from '../../models'
import { trackView, viewTracks } from '../tracks/views'

/** Two tracks of different owners that sound like the same recording. */
const matchView = named(
  'AudioMatch',
  shape({
    track: trackView,
    /** The older of the two tracks. */
    original: trackView,
    /** Share of fingerprint bits that differ: up to 0.04 means the same recording, re-encoded. */
    difference: number(0, 1),
    matchedAt: timestamp,
  }),
)

export const listAudioMatches = operation({
  name: 'moderation.listAudioMatches',
  route: 'GET /moderation/audio-matches',
  summary: 'List tracks that match another artist’s audio',
  description: 'Newest first. The owners are not notified.',
  auth: 'moderator',
  input: shape({ ...pagingFields }),
  output: pageOf(matchView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => null,

  allow: actor => isModerator(actor),

  async run({ input }, context) {
    const size = pageSize(input)
    const [trackId, olderTrackId] = parseCursor(input, 2) ?? [lastUuid, lastUuid]
    const rows = await context.app.db.query<MatchRow>(matchesSql, { trackId, olderTrackId, count: size + 1 })
    const page = toPage(rows, size, row => [row.trackId, row.olderTrackId])
    const ids = page.items.flatMap(row => [row.trackId, row.olderTrackId])
    const views = await viewTracks(await Track.findAll({ where: { id: ids } }), context)
    const byId = new Map(views.map(view => [view.id, view]))
    return page.flatMap(row => {
      const [track, original] = [byId.get(row.trackId), byId.get(row.olderTrackId)]
      if (track === undefined || original === undefined) return []
      return [{ track, original, difference: row.difference, matchedAt: row.matchedAt.toISOString() }]
    })
  },
})

interface MatchRow {
  trackId: string
  olderTrackId: string
  difference: number
  matchedAt: Date
}

/** Ids sort by creation time. */
const matchesSql = `
  select m.track_id as "trackId", m.older_track_id as "olderTrackId", m.difference, m.created_at as "matchedAt"
  from fingerprint_matches m
  join tracks t on t.id = m.track_id
  join tracks o on o.id = m.older_track_id
  where (m.track_id, m.older_track_id) < (:trackId, :olderTrackId)
    and t.owner_id <> o.owner_id and t.deleted_at is null and o.deleted_at is null
  order by m.track_id desc, m.older_track_id desc
  limit :count`
