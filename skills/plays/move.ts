import { type Context } from '../../kernel/context'
import { type Play } from '../../models'
import { playMoved } from './events'

/** Emits `playMoved` for the user's devices; anonymous plays have no channel. */
export async function tellPlayMoved(play: Play, { now, emit }: Context): Promise<void> {
  const { profileId, id: playId, trackId, device, positionMs, isOver } = play
  if (profileId === null) return
  await emit(playMoved, { profileId, playId, trackId, device, positionMs, isOver, at: now.toISOString() })
}
