import { type Actor } from '../../kernel/pipeline/actor'
import { newId } from '../../kernel/pipeline/new-id'
import { refusals } from '../../kernel/pipeline/refusals'
import { type Track } from '../../models'
import { trackNotReady } from '../tracks/rules'
import { lockTracks, filterVisibleTracks } from '../tracks/views'
import { type QueuedItem } from './party'

/**
 * New queued items for the tracks, in the given order; the same track twice is two items. Locks the tracks: a concurrent
 * deletion is either seen here, or its `removeTrackFromParties` job finds the items.
 * @throws `not_found` when the actor may not see one of them, `track_not_ready`
 */
export async function toQueuedItems(actor: Actor, trackIds: readonly string[], now: Date): Promise<QueuedItem[]> {
  const visible = await filterVisibleTracks(await lockTracks(trackIds), { actor })
  const byId = new Map(visible.map(track => [track.id, track]))
  return trackIds.map(trackId => {
    const track = byId.get(trackId)
    if (track === undefined) throw refusals.notFound()
    return toQueuedItem(actor, track, now)
  })
}

/** @throws `track_not_ready` */
export function toQueuedItem(actor: Actor, { id: trackId, state, durationMs }: Track, now: Date): QueuedItem {
  if (state !== 'ready' || durationMs === null) throw trackNotReady()
  return { itemId: newId(now), trackId, durationMs, addedBy: actor.id }
}
