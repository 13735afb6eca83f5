import { type Context } from '../../kernel/pipeline/context'
import { type Play } from '../../models'
import { compactSpans, type TimeSpan, claimFreeTime } from './claim-free-time'
import { type Listener } from './identify-listener'
import { reportWithinMs, toleranceMs } from './rules'

const hourMs = 60 * 60_000
/** Enough for a day with a break every hour; with more, the oldest breaks count as taken. */
const spansMax = 32

/**
 * How much of the newly reported listening time (`reportedMs` in total) fits into time that no other play has taken. A
 * listener hears one thing at a time, so one clock per listener covers all plays and devices. The time may lie anywhere
 * between the play's start and now, because offline plays are reported late. Time that does not fit is lost, except for
 * `slackMs`: otherwise two devices that played at once would both count as soon as both had paused for a while.
 *
 * Two statements, by primary key. Lock order: the play, then the clock, then everything else, until the commit.
 */
export async function claimListeningTime(
  play: Play,
  reportedMs: number,
  { keys }: Listener,
  context: Context,
): Promise<number> {
  const { now, app } = context
  const newMs = reportedMs - play.listenedMs
  if (newMs <= 0) return 0
  const wantedMs = Math.min(reportedMs - play.heardMs, newMs + toleranceMs)
  const listeners = [...new Set([play.listener, ...keys])]
  const forgetAt = new Date(Math.ceil(now.getTime() / hourMs) * hourMs + reportWithinMs + hourMs)
  const clocks = await app.db.query<{ taken: TimeSpan[] }>(lockClocks, { listeners, forgetAt })
  const span = [play.openedAt.getTime() - toleranceMs, now.getTime()] as const
  const { taken, gotMs } = claimFreeTime(
    clocks.flatMap(clock => clock.taken),
    span,
    wantedMs,
  )
  const kept = compactSpans(taken, now.getTime() - reportWithinMs - toleranceMs, spansMax)
  await app.db.query(updateClocks, { listeners, taken: JSON.stringify(kept) })
  return gotMs
}

/** In key order, so that two calls with the same listeners cannot deadlock. */
const lockClocks = `
  insert into listener_clocks as kept (listener, forget_at)
  select listener, :forgetAt from unnest(array[:listeners]) as listener order by listener
  on conflict (listener) do update set forget_at = greatest(kept.forget_at, excluded.forget_at)
  returning kept.taken`

const updateClocks = `
  update listener_clocks set taken = cast(:taken as jsonb) where listener in (:listeners) returning 1`
