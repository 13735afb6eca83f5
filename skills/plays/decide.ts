import { type Context } from '../../kernel/context'
import { Track, type Play } from '../../models'
import { windowMsOf } from './rules'

/**
 * Ends the question whether a play counts, once: what was decided stays. One that would count does so only when its listener
 * has not been counted for the track lately, whatever the devices, and however many ask at once.
 */
export async function decide(
  play: Play,
  outcome: 'counted' | 'too_short' | 'implausible',
  context: Context,
): Promise<void> {
  if (play.outcome !== null) return
  const isAgain = outcome === 'counted' && !(await isFirstInWindow(play, context))
  await play.update({ outcome: isAgain ? 'repeated' : outcome, decidedAt: context.now })
}

async function isFirstInWindow({ trackId, listener }: Play, { now, world }: Context): Promise<boolean> {
  const track = await Track.findByPk(trackId, { attributes: ['durationMs'] })
  const until = new Date(now.getTime() + windowMsOf(track?.durationMs ?? 0))
  const taken = await world.db.query(claim, { trackId, listener, until, now })
  return taken.length > 0
}

/** The row is the window: of many who want it at once one gets it. */
const claim = `
  insert into counted_listeners as kept (track_id, listener, until) values (:trackId, :listener, :until)
  on conflict (track_id, listener) do update set until = excluded.until where kept.until <= :now
  returning 1`
