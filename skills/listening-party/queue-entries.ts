import { type Actor } from '../../kernel/pipeline/actor'
import { newId } from '../../kernel/pipeline/new-id'
import { refusals } from '../../kernel/pipeline/refusals'
import { Track } from '../../models'
import { trackNotReady } from '../tracks/rules'
import { lockTracks, filterVisibleTracks } from '../tracks/views'
import { type QueueEntry } from './party'

/** The tracks that the viewer may see, by id. */
export async function loadVisibleTracks(actor: Actor, trackIds: readonly string[]): Promise<Map<string, Track>> {
  return visibleById(actor, await Track.findAll({ where: { id: [...trackIds] } }))
}

const visibleById = async (actor: Actor, tracks: readonly Track[]) =>
  new Map((await filterVisibleTracks(tracks, { actor })).map(track => [track.id, track]))

/**
 * Queue items for the tracks, in the given order; the same track twice is two items. Locks the tracks: a concurrent deletion
 * is either seen here, or its `removeTrackFromParties` job finds the items.
 * @throws `not_found` when the actor may not see one of them, `track_not_ready`
 */
export async function toQueueEntries(actor: Actor, trackIds: readonly string[], now: Date): Promise<QueueEntry[]> {
  const tracks = await visibleById(actor, await lockTracks(trackIds))
  return trackIds.map(trackId => {
    const track = tracks.get(trackId)
    if (track === undefined) throw refusals.notFound()
    return toQueueEntry(actor, track, now)
  })
}

/** @throws `track_not_ready` */
export function toQueueEntry(actor: Actor, { id: trackId, state, durationMs }: Track, now: Date): QueueEntry {
  if (state !== 'ready' || durationMs === null) throw trackNotReady()
  return { itemId: newId(now), trackId, durationMs, addedBy: actor.id }
}
