import { type Context } from '../../kernel/pipeline/context'
import { Track, type Play } from '../../models'
import { type Listener } from './identify-listener'
import { countNetworkPlay } from './count-network-play'
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
  const { listenedMs, creditedMs, thresholdMs, ended } = play
  if (creditedMs >= thresholdMs) return tryToCount(play, listener, context)
  if (listenedMs < thresholdMs) return ended ? 'too_short' : null
  if (await isInWindow(play, listener, context)) return 'repeated'
  return ended ? 'concurrent' : null
}

async function tryToCount(play: Play, listener: Listener, context: Context): Promise<Outcome> {
  const { now, app } = context
  const track = await Track.findByPk(play.trackId, { attributes: ['durationMs'] })
  const endsAt = new Date(now.getTime() + repeatWindowMsOf(track?.durationMs ?? 0))
  const names = windowOf(play, listener, now)
  const opened = await app.db.query(openWindow, { ...names, endsAt })
  if (opened.length === 0) return 'repeated'
  if ((await countNetworkPlay(play, listener, context)) === 'within') return 'counted'
  // The listener was not counted, so that a later play may count.
  await app.db.query(deleteWindow, names)
  return 'network_limit'
}

async function isInWindow(play: Play, listener: Listener, { now, app }: Context): Promise<boolean> {
  const rows = await app.db.query(`select 1 ${currentWindow}`, windowOf(play, listener, now))
  return rows.length > 0
}

const windowOf = ({ trackId, listenerKey }: Play, { keys }: Listener, now: Date) => ({
  trackId,
  listenerKeys: [...new Set([listenerKey, ...keys])],
  now,
})

const currentWindow =
  'from repeat_windows where track_id = :trackId and listener_key in (:listenerKeys) and ends_at > :now limit 1'

/**
 * Inserts a row for each of the listener's keys, all or none: the listener's time claims are locked
 * (`claimListeningTime`), so that concurrent plays run one after the other.
 */
const openWindow = `
  insert into repeat_windows (track_id, listener_key, ends_at)
  select :trackId, listener_key, :endsAt from unnest(array[:listenerKeys]) as listener_key
  where not exists (select ${currentWindow}) order by listener_key
  on conflict (track_id, listener_key) do update set ends_at = excluded.ends_at
  returning 1`

const deleteWindow =
  'delete from repeat_windows where track_id = :trackId and listener_key in (:listenerKeys) returning 1'
