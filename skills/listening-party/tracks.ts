import { type Actor } from '../../kernel/actor'
import { newId } from '../../kernel/ids'
import { refusals } from '../../kernel/refusals'
import { Track } from '../../models'
import { lockTracks, whatIsVisible } from '../streaming/views'
import { type Waiting } from './party'
import { trackNotReady } from './refusals'

/** The tracks that the viewer may see, by id. */
export async function visibleTracks(actor: Actor, trackIds: readonly string[]): Promise<Map<string, Track>> {
  return visibleById(actor, await Track.findAll({ where: { id: [...trackIds] } }))
}

const visibleById = async (actor: Actor, tracks: readonly Track[]) =>
  new Map((await whatIsVisible(tracks, { actor })).map(track => [track.id, track]))

/**
 * Queue items for the tracks, in the given order; the same track twice is two items. Locks the tracks: a concurrent deletion
 * is either seen here, or its `dropTrack` job finds the items.
 * @throws `not_found` when the actor may not see one of them, `track_not_ready`
 */
export async function toItems(actor: Actor, trackIds: readonly string[], now: Date): Promise<Waiting[]> {
  const tracks = await visibleById(actor, await lockTracks(trackIds))
  return trackIds.map(trackId => {
    const track = tracks.get(trackId)
    if (track === undefined) throw refusals.notFound()
    return toItem(actor, track, now)
  })
}

/** @throws `track_not_ready` */
export function toItem(actor: Actor, { id: trackId, state, durationMs }: Track, now: Date): Waiting {
  if (state !== 'ready' || durationMs === null) throw trackNotReady()
  return { itemId: newId(now), trackId, durationMs, addedBy: actor.id }
}
