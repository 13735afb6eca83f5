import { type Context } from '../../kernel/pipeline/context'
import { Track, type Play } from '../../models'
import { type Listener } from './identify-listener'
import { exceedsNetworkLimit } from './exceeds-network-limit'
import { repeatWindowMsOf } from './rules'

type Outcome = NonNullable<Play['outcome']>

/**
 * Decides once whether a play counts; sets the outcome without saving the play. A listener counts once per track and window,
 * on whatever devices and however many reports arrive at once.
 */
export async function decideOutcome(
  play: Play,
  plausible: boolean,
  listener: Listener,
  context: Context,
): Promise<void> {
  if (play.outcome !== null) return
  const outcome = plausible ? await outcomeOf(play, listener, context) : 'implausible'
  if (outcome !== null) play.set({ outcome, decidedAt: context.now })
}

/** Null while the play may still count. */
async function outcomeOf(play: Play, listener: Listener, context: Context): Promise<Outcome | null> {
  const { listenedMs, heardMs, thresholdMs, isOver } = play
  if (heardMs >= thresholdMs) return tryToCount(play, listener, context)
  if (listenedMs < thresholdMs) return isOver ? 'too_short' : null
  if (await isInWindow(play, listener, context)) return 'repeated'
  return isOver ? 'concurrent' : null
}

async function tryToCount(play: Play, listener: Listener, context: Context): Promise<Outcome> {
  const { now, app } = context
  const track = await Track.findByPk(play.trackId, { attributes: ['durationMs'] })
  const until = new Date(now.getTime() + repeatWindowMsOf(track?.durationMs ?? 0))
  const names = windowOf(play, listener, now)
  const opened = await app.db.query(openWindow, { ...names, until })
  if (opened.length === 0) return 'repeated'
  if (!(await exceedsNetworkLimit(play, listener, context))) return 'counted'
  // The listener was not counted, so that a later play may count.
  await app.db.query(deleteWindow, names)
  return 'network_limit'
}

async function isInWindow(play: Play, listener: Listener, { now, app }: Context): Promise<boolean> {
  const rows = await app.db.query(`select 1 ${currentWindow}`, windowOf(play, listener, now))
  return rows.length > 0
}

const windowOf = ({ trackId, listener }: Play, { keys }: Listener, now: Date) => ({
  trackId,
  listeners: [...new Set([listener, ...keys])],
  now,
})

const currentWindow =
  'from counted_listeners where track_id = :trackId and listener in (:listeners) and until > :now limit 1'

/**
 * Inserts a row for each of the listener's keys, all or none: the listener's clock is locked (`takeTime`), so that concurrent
 * plays run one after the other.
 */
const openWindow = `
  insert into counted_listeners (track_id, listener, until)
  select :trackId, listener, :until from unnest(array[:listeners]) as listener
  where not exists (select ${currentWindow}) order by listener
  on conflict (track_id, listener) do update set until = excluded.until
  returning 1`

const deleteWindow = 'delete from counted_listeners where track_id = :trackId and listener in (:listeners) returning 1'
