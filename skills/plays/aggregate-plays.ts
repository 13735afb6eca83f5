import { type Context } from '../../kernel/pipeline/context'
import { job } from '../../kernel/events/job'
import { emptyObject } from '../../kernel/pipeline/schema'
import { reportWithinMs } from './rules'

const batchSize = 5_000
const retentionMs = 90 * 24 * 60 * 60_000

/**
 * Ends plays without recent progress, adds decided plays to the totals, each once, and deletes old plays, expired windows,
 * time claims, network counters and salts. Safe to run concurrently (`skip locked`).
 */
export const aggregatePlays = job({
  name: 'plays.aggregatePlays',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '* * * * *',

  async run(_payload, { transact, signal }) {
    for (const step of steps) {
      let processed = batchSize
      while (processed === batchSize && !signal.aborted) processed = await transact(step)
    }
  },
})

type Step = (context: Context) => Promise<number>

const ago = (now: Date, ms: number) => new Date(now.getTime() - ms)

/** A step that runs one statement, which returns a row per processed row, up to a batch. */
const statement =
  (sql: string, names: (now: Date) => Record<string, unknown>): Step =>
  async ({ app, now }) =>
    (await app.db.query(sql, { max: batchSize, ...names(now) })).length

const endAbandoned = statement(
  `update plays set decided_at = :now, ended = true,
     -- Enough was reported, but not enough of it in time that no other play had taken.
     outcome = case when listened_ms < threshold_ms then 'too_short' else 'concurrent' end
   where id in (
     select id from plays where outcome is null and reported_at < :before order by reported_at limit :max for update skip locked)
   returning 1`,
  now => ({ now, before: ago(now, reportWithinMs) }),
)

const addToTotals: Step = async ({ app }) => {
  const [added] = await app.db.query<{ count: number }>(
    `with chosen as (
       select id from plays where outcome is not null and not is_aggregated order by id limit :max for update skip locked
     ), summed as (
       update plays set is_aggregated = true from chosen where plays.id = chosen.id
       returning track_id, cast(started_at at time zone 'utc' as date) as day, outcome
     ), added as (
       insert into play_totals as kept (track_id, day, outcome, plays)
       select track_id, day, outcome, count(*) from summed group by 1, 2, 3 order by 1, 2, 3
       on conflict (track_id, day, outcome) do update set plays = kept.plays + excluded.plays
     )
     select cast(count(*) as integer) as count from summed`,
    { max: batchSize },
  )
  return added?.count ?? 0
}

const deletePlays = statement(
  `delete from plays where id in (
     select id from plays where is_aggregated and started_at < :before limit :max for update skip locked) returning 1`,
  now => ({ before: ago(now, retentionMs) }),
)

const deleteWindows = statement(
  `delete from repeat_windows where ctid in (
     select ctid from repeat_windows where ends_at < :now limit :max for update skip locked) returning 1`,
  now => ({ now }),
)

const deleteTimeClaims = statement(
  `delete from listener_time_claims where listener_key in (
     select listener_key from listener_time_claims where expires_at < :now limit :max for update skip locked) returning 1`,
  now => ({ now }),
)

const deleteNetworks = statement(
  `delete from network_play_counters where network_key in (
     select network_key from network_play_counters where expires_at < :now limit :max for update skip locked) returning 1`,
  now => ({ now }),
)

/** Keeps yesterday's salt, because a listener is known by yesterday's key too, and for nodes whose clock is late. */
const deleteSalts = statement('delete from listener_salts where day < cast(:day as date) returning 1', now => ({
  day: ago(now, 24 * 60 * 60_000)
    .toISOString()
    .slice(0, 10),
}))

const steps = [endAbandoned, addToTotals, deletePlays, deleteWindows, deleteTimeClaims, deleteNetworks, deleteSalts]
