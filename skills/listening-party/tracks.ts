import { type Actor } from '../../kernel/actor'
import { newId } from '../../kernel/ids'
import { refusals } from '../../kernel/refusals'
import { Block, Track } from '../../models'
import { maySeeTrack } from '../streaming/rules'
import { type Waiting } from './party'
import { trackNotReady } from './refusals'

/** Those of the tracks that the viewer may see, in no order. */
export async function seenTracks(actor: Actor, trackIds: readonly string[]): Promise<Track[]> {
  const tracks = await Track.findAll({ where: { id: [...trackIds] } })
  const owners = [...new Set(tracks.map(({ ownerId }) => ownerId))]
  const blocks = await Block.findAll({ where: { blockerId: owners, blockedId: actor.id } })
  const blockers = new Set(blocks.map(({ blockerId }) => blockerId))
  return tracks.filter(track => maySeeTrack(actor, track, blockers.has(track.ownerId)))
}

/**
 * The tracks as items of a queue, in the order given; the same track twice is two items.
 * @throws `not_found` when the actor may not know of one, `track_not_ready`
 */
export async function toItems(actor: Actor, trackIds: readonly string[], now: Date): Promise<Waiting[]> {
  const tracks = new Map((await seenTracks(actor, trackIds)).map(track => [track.id, track]))
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
