import { type Context } from '../../kernel/context'
import { lockTrack } from '../streaming/views'
import { trackRemoved } from './events'
import { forgetAudio } from './places'

/** Deletes a track and its audio, once. */
export async function withdrawTrack(trackId: string, context: Context): Promise<void> {
  const track = await lockTrack(trackId)
  if (track === null || track.removedAt !== null) return
  await track.update({ removedAt: context.now, rev: track.rev + 1 })
  await context.emit(trackRemoved, { trackId, ownerId: track.ownerId })
  await forgetAudio(trackId, context)
}
