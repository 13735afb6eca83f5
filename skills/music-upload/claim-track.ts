import { type Track, Upload } from '../../models'
import { lockTrack } from '../tracks/views'
import { replacementPending, uploadAborted } from './refusals'

/**
 * Locks a track for new audio. Only one upload per track is processed at a time, so that the upload finalized last
 * wins. The lock keeps concurrent calls from both finding none.
 * @throws `replacement_pending`; `upload_aborted` when the track was deleted
 */
export async function claimTrack(trackId: string): Promise<Track> {
  const track = await lockTrack(trackId)
  if (track === null || track.deletedAt !== null) throw uploadAborted()
  if ((await Upload.count({ where: { trackId, state: ['uploaded', 'processing'] } })) > 0) throw replacementPending()
  return track
}
