import { type Context } from '../../kernel/pipeline/context'
import { type Play } from '../../models'
import { nowPlayingChanged } from './events'

/** Emits `playMoved` for the user's devices; anonymous plays have no channel. */
export async function publishNowPlaying(play: Play, { now, emit }: Context): Promise<void> {
  const { profileId, id: playId, trackId, device, positionMs, ended } = play
  if (profileId === null) return
  await emit(nowPlayingChanged, {
    profileId,
    playId,
    trackId,
    device,
    positionMs,
    isOver: ended,
    at: now.toISOString(),
  })
}
