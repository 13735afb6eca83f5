import { type Context } from '../../kernel/pipeline/context'
import { lockTrack } from './views'
import { trackDeleted } from './events'

/** Deletes a track, once. Other skills react: its audio, uploads and artwork go, too. */
export async function markTrackDeleted(trackId: string, context: Context): Promise<void> {
  const track = await lockTrack(trackId)
  if (track === null || track.deletedAt !== null) return
  await track.update({ deletedAt: context.now, rev: track.rev + 1 })
  await context.emit(trackDeleted, { trackId, ownerId: track.ownerId })
}
