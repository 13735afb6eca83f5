import { type Context } from '../../kernel/pipeline/context'
import { type Track, Upload } from '../../models'
import { lockTrack } from '../tracks/views'
import { changeTrack } from '../tracks/change-track'
import { replacementPending, uploadAborted } from './refusals'

/**
 * Locks a track for new audio. Only one upload per track is processed at a time, so that the upload finalized last
 * wins. The lock keeps concurrent calls from both finding none. A failed track is processing again.
 * @throws `replacement_pending`; `upload_aborted` when the track was deleted
 */
export async function claimTrack(trackId: string, context: Pick<Context, 'now' | 'emit'>): Promise<Track> {
  const track = await lockTrack(trackId)
  if (track === null || track.deletedAt !== null) throw uploadAborted()
  if ((await Upload.count({ where: { trackId, state: ['uploaded', 'processing'] } })) > 0) throw replacementPending()
  if (track.state === 'failed') await changeTrack(track, { state: 'processing' }, context)
  return track
}
