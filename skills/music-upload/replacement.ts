import { type Track, Upload } from '../../models'
import { lockTrack } from '../streaming/views'
import { replacementPending, uploadAborted } from './refusals'

/**
 * New audio for a track is worked on one after the other, so that what was said to be there last is what plays in the end.
 * Holds the track, or two that ask at once would both see none.
 * @throws `replacement_pending`; `upload_aborted` when the track was removed meanwhile.
 */
export async function refuseSecondReplacement(trackId: string): Promise<Track> {
  const track = await lockTrack(trackId)
  if (track === null || track.removedAt !== null) throw uploadAborted()
  if ((await Upload.count({ where: { trackId, state: ['uploaded', 'processing'] } })) > 0) throw replacementPending()
  return track
}
