import { type Context } from '../../kernel/pipeline/context'
import { type Play } from '../../models'
import { compactSpans, type TimeSpan, claimFreeTime } from './claim-free-time'
import { type Listener } from './identify-listener'
import { reportWithinMs, toleranceMs } from './rules'

const hourMs = 60 * 60_000
/** Enough for a day with a break every hour; with more, the oldest breaks count as claimed. */
const spansMax = 32

/**
 * How much of the newly reported listening time (`reportedMs` in total) fits into time that no other play has claimed. A
 * listener hears one thing at a time, so the claims of a listener cover all plays and devices. The time may lie anywhere
 * between the play's start and now, because offline plays are reported late. Time that does not fit is lost, except for
 * `toleranceMs`: otherwise two devices that played at once would both count as soon as both had paused for a while.
 *
 * Two statements, by primary key. Lock order: the play, then the claims, then everything else, until the commit.
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
  const wantedMs = Math.min(reportedMs - play.creditedMs, newMs + toleranceMs)
  const listenerKeys = [...new Set([play.listenerKey, ...keys])]
  const expiresAt = new Date(Math.ceil(now.getTime() / hourMs) * hourMs + reportWithinMs + hourMs)
  const rows = await app.db.query<{ claimed: TimeSpan[] }>(lockClaims, { listenerKeys, expiresAt })
  const span = [play.startedAt.getTime() - toleranceMs, now.getTime()] as const
  const { claimed, claimedMs } = claimFreeTime(
    rows.flatMap(row => row.claimed),
    span,
    wantedMs,
  )
  const compacted = compactSpans(claimed, now.getTime() - reportWithinMs - toleranceMs, spansMax)
  await app.db.query(updateClaims, { listenerKeys, claimed: JSON.stringify(compacted) })
  return claimedMs
}

/** In key order, so that two calls with the same listeners cannot deadlock. */
const lockClaims = `
  insert into listener_time_claims as existing (listener_key, expires_at)
  select listener_key, :expiresAt from unnest(array[:listenerKeys]) as listener_key order by listener_key
  on conflict (listener_key) do update set expires_at = greatest(existing.expires_at, excluded.expires_at)
  returning existing.claimed`

const updateClaims = `
  update listener_time_claims set claimed = cast(:claimed as jsonb) where listener_key in (:listenerKeys) returning 1`
