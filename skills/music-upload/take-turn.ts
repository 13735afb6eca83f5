import { type Context } from '../../kernel/context'
import { type Track, Upload } from '../../models'
import { lockTrack } from '../streaming/views'
import { changeTrack } from './change-track'
import { replacementPending, uploadAborted } from './refusals'

/**
 * Audio for a track that is there is worked on one after the other, so that what was said to be there last is what plays in the
 * end. Holds the track, or two that ask at once would both see none. One that has no audio is in the making again.
 * @throws `replacement_pending`; `upload_aborted` when the track was removed meanwhile.
 */
export async function takeTurn(trackId: string, context: Pick<Context, 'now' | 'emit'>): Promise<Track> {
  const track = await lockTrack(trackId)
  if (track === null || track.removedAt !== null) throw uploadAborted()
  if ((await Upload.count({ where: { trackId, state: ['uploaded', 'processing'] } })) > 0) throw replacementPending()
  if (track.state === 'failed') await changeTrack(track, { state: 'processing' }, context)
  return track
}
