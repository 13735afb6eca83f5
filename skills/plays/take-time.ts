import { type Context } from '../../kernel/context'
import { type Play } from '../../models'
import { shortened, type Span, takeFree } from './free-time'
import { type Listener } from './listener'
import { offlineMsMax, slackMs } from './rules'

const hourMs = 60 * 60_000
/** A day of listening with a break every hour; someone with more finds that the oldest breaks are closed. */
const spansMax = 32

/**
 * How much of what is told anew was heard in time of its own: nobody hears two things at once, so that a listener has one
 * clock for all plays and devices, and time that one play has taken is gone for the others. It may be any time between the
 * play's opening and now, as what was heard offline is told late. A claim that finds no room is lost, but for what delays
 * explain: else two devices that were played at once would both count as soon as both had been silent for a while.
 *
 * Two statements, by primary key. The clock is locked until the commit, after the play and before all else.
 */
export async function takeTime(play: Play, toldMs: number, { names }: Listener, context: Context): Promise<number> {
  const { now, world } = context
  const anewMs = toldMs - play.listenedMs
  if (anewMs <= 0) return 0
  const wantedMs = Math.min(toldMs - (play.heardMs ?? play.listenedMs), anewMs + slackMs)
  const listeners = [...new Set([play.listener, ...names])]
  const forgetAt = new Date(Math.ceil(now.getTime() / hourMs) * hourMs + offlineMsMax + hourMs)
  const clocks = await world.db.query<{ taken: Span[] }>(lock, { listeners, forgetAt })
  const span = [play.openedAt.getTime() - slackMs, now.getTime()] as const
  const { taken, gotMs } = takeFree(
    clocks.flatMap(clock => clock.taken),
    span,
    wantedMs,
  )
  const kept = shortened(taken, now.getTime() - offlineMsMax - slackMs, spansMax)
  await world.db.query(keep, { listeners, taken: JSON.stringify(kept) })
  return gotMs
}

/** In one order, so that two calls that want the same ones never wait for each other. */
const lock = `
  insert into listener_clocks as kept (listener, forget_at)
  select listener, :forgetAt from unnest(array[:listeners]) as listener order by listener
  on conflict (listener) do update set forget_at = greatest(kept.forget_at, excluded.forget_at)
  returning kept.taken`

const keep = `
  update listener_clocks set taken = cast(:taken as jsonb) where listener in (:listeners) returning 1`
