import { type Context } from '../../kernel/context'
import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { offlineMsMax } from './rules'

const perBatch = 5_000
const keptMs = 90 * 24 * 60 * 60_000

/**
 * Ends plays that nobody tells of any more, adds the decided ones to their artists' totals, each once, and forgets what is
 * of no use: old plays, windows that are over, clocks of who is gone, salts of days gone by. Any number may run at once.
 */
export const settlePlays = job({
  name: 'plays.settlePlays',
  payload: nothing,
  attemptsMax: 3,
  cron: '* * * * *',

  async run(_payload, { transact, signal }) {
    for (const step of [endSilent, addUp, forgetPlays, forgetWindows, forgetClocks, forgetNetworks, forgetSalts]) {
      let many = perBatch
      while (many === perBatch && !signal.aborted) many = await transact(step)
    }
  },
})

type Step = (context: Context) => Promise<number>

const ago = (now: Date, ms: number) => new Date(now.getTime() - ms)

/** A statement that returns its rows, at most so many as a batch. */
const does =
  (sql: string, names: (now: Date) => Record<string, unknown>): Step =>
  async ({ world, now }) =>
    (await world.db.query(sql, { max: perBatch, ...names(now) })).length

const endSilent = does(
  `update plays set decided_at = :now, is_over = true,
     -- More was told than heard in time of its own.
     outcome = case when listened_ms < threshold_ms then 'too_short' else 'concurrent' end
   where id in (
     select id from plays where outcome is null and told_at < :before order by told_at limit :max for update skip locked)
   returning 1`,
  now => ({ now, before: ago(now, offlineMsMax) }),
)

const addUp: Step = async ({ world }) => {
  const [added] = await world.db.query<{ many: number }>(
    `with chosen as (
       select id from plays where outcome is not null and not is_summed order by id limit :max for update skip locked
     ), summed as (
       update plays set is_summed = true from chosen where plays.id = chosen.id
       returning track_id, cast(opened_at at time zone 'utc' as date) as day, outcome
     ), added as (
       insert into play_totals as kept (track_id, day, outcome, plays)
       select track_id, day, outcome, count(*) from summed group by 1, 2, 3 order by 1, 2, 3
       on conflict (track_id, day, outcome) do update set plays = kept.plays + excluded.plays
     )
     select cast(count(*) as integer) as many from summed`,
    { max: perBatch },
  )
  return added?.many ?? 0
}

const forgetPlays = does(
  `delete from plays where id in (
     select id from plays where is_summed and opened_at < :before limit :max for update skip locked) returning 1`,
  now => ({ before: ago(now, keptMs) }),
)

const forgetWindows = does(
  `delete from counted_listeners where ctid in (
     select ctid from counted_listeners where until < :now limit :max for update skip locked) returning 1`,
  now => ({ now }),
)

const forgetClocks = does(
  `delete from listener_clocks where listener in (
     select listener from listener_clocks where forget_at < :now limit :max for update skip locked) returning 1`,
  now => ({ now }),
)

const forgetNetworks = does(
  `delete from counted_networks where name in (
     select name from counted_networks where forget_at < :now limit :max for update skip locked) returning 1`,
  now => ({ now }),
)

/** Of yesterday, for a play that began before midnight on a node whose clock is late. */
const forgetSalts = does('delete from listener_salts where day < cast(:day as date) returning 1', now => ({
  day: ago(now, 24 * 60 * 60_000)
    .toISOString()
    .slice(0, 10),
}))
