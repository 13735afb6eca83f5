import { type Context } from '../../kernel/pipeline/context'
import { lockTrack } from './views'
import { trackDeleted } from './events'
import { deleteTrackAudio } from '../music-upload/object-keys'

/** Deletes a track and its audio, once. */
export async function markTrackDeleted(trackId: string, context: Context): Promise<void> {
  const track = await lockTrack(trackId)
  if (track === null || track.deletedAt !== null) return
  await track.update({ deletedAt: context.now, rev: track.rev + 1 })
  await context.emit(trackDeleted, { trackId, ownerId: track.ownerId })
  await deleteTrackAudio(trackId, context)
}
