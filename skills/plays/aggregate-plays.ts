import { type Context } from '../../kernel/pipeline/context'
import { job } from '../../kernel/events/job'
import { runInBatches } from '../../kernel/events/run-in-batches'
import { emptyObject } from '../../kernel/pipeline/schema'
import { reportWithinMs } from './rules'

const batchSize = 5_000

/**
 * Ends plays without recent progress, and adds decided plays to the totals, each once. Safe to run concurrently
 * (`skip locked`).
 */
export const aggregatePlays = job({
  name: 'plays.aggregatePlays',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '* * * * *',

  async run(_payload, context) {
    await runInBatches(batchSize, endAbandonedPlays, context)
    await runInBatches(batchSize, addToTotals, context)
  },
})

async function endAbandonedPlays({ app, now }: Context): Promise<number> {
  const rows = await app.db.query(
    `update plays set decided_at = :now, ended = true,
       -- Enough was reported, but not enough of it in time that no other play had claimed.
       outcome = case when listened_ms < threshold_ms then 'too_short' else 'concurrent' end
     where id in (
       select id from plays where outcome is null and reported_at < :before order by reported_at limit :max for update skip locked)
     returning 1`,
    { now, before: new Date(now.getTime() - reportWithinMs), max: batchSize },
  )
  return rows.length
}

async function addToTotals({ app }: Context): Promise<number> {
  const [added] = await app.db.query<{ count: number }>(
    `with chosen as (
       select id from plays where outcome is not null and not is_aggregated order by id limit :max for update skip locked
     ), summed as (
       update plays set is_aggregated = true from chosen where plays.id = chosen.id
       returning track_id, cast(started_at at time zone 'utc' as date) as day, outcome
     ), added as (
       insert into play_totals as existing (track_id, day, outcome, plays)
       select track_id, day, outcome, count(*) from summed group by 1, 2, 3 order by 1, 2, 3
       on conflict (track_id, day, outcome) do update set plays = existing.plays + excluded.plays
     )
     select cast(count(*) as integer) as count from summed`,
    { max: batchSize },
  )
  return added?.count ?? 0
}
