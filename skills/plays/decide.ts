import { type Context } from '../../kernel/context'
import { Track, type Play } from '../../models'
import { type Listener } from './listener'
import { isNetworkFull } from './network-limit'
import { windowMsOf } from './rules'

type Outcome = NonNullable<Play['outcome']>

/**
 * Ends the question whether a play counts, once: what was decided stays. The play is not saved yet. One that would count
 * does so only when its listener has not been counted for the track lately, whatever the devices, and however many ask at
 * once.
 */
export async function decide(play: Play, isBelieved: boolean, listener: Listener, context: Context): Promise<void> {
  if (play.outcome !== null) return
  const outcome = isBelieved ? await outcomeOf(play, listener, context) : 'implausible'
  if (outcome !== null) play.set({ outcome, decidedAt: context.now })
}

/** Null as long as it may still count. */
async function outcomeOf(play: Play, listener: Listener, context: Context): Promise<Outcome | null> {
  const { listenedMs, heardMs, thresholdMs, isOver } = play
  if ((heardMs ?? listenedMs) >= thresholdMs) return counted(play, listener, context)
  if (listenedMs < thresholdMs) return isOver ? 'too_short' : null
  if (await isInWindow(play, listener, context)) return 'repeated'
  return isOver ? 'concurrent' : null
}

async function counted(play: Play, listener: Listener, context: Context): Promise<Outcome> {
  const { now, world } = context
  const track = await Track.findByPk(play.trackId, { attributes: ['durationMs'] })
  const until = new Date(now.getTime() + windowMsOf(track?.durationMs ?? 0))
  const names = windowOf(play, listener, now)
  const taken = await world.db.query(takeWindow, { ...names, until })
  if (taken.length === 0) return 'repeated'
  if (!(await isNetworkFull(play, listener, context))) return 'counted'
  // Who did not count is free to do so later.
  await world.db.query(leaveWindow, names)
  return 'network_limit'
}

async function isInWindow(play: Play, listener: Listener, { now, world }: Context): Promise<boolean> {
  const rows = await world.db.query(`select 1 ${openWindow}`, windowOf(play, listener, now))
  return rows.length > 0
}

const windowOf = ({ trackId, listener }: Play, { names }: Listener, now: Date) => ({
  trackId,
  listeners: [...new Set([listener, ...names])],
  now,
})

const openWindow =
  'from counted_listeners where track_id = :trackId and listener in (:listeners) and until > :now limit 1'

/**
 * A row for each name, all or none: the clock that counted time was taken from is locked, so that of many who want them at
 * once one is here. The condition on the update is for nodes of the release before, which lock no clock.
 */
const takeWindow = `
  insert into counted_listeners as kept (track_id, listener, until)
  select :trackId, listener, :until from unnest(array[:listeners]) as listener
  where not exists (select ${openWindow}) order by listener
  on conflict (track_id, listener) do update set until = excluded.until where kept.until <= :now
  returning 1`

const leaveWindow = 'delete from counted_listeners where track_id = :trackId and listener in (:listeners) returning 1'
