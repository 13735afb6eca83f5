import { type Context } from '../../kernel/pipeline/context'
import { job } from '../../kernel/events/job'
import { runInBatches } from '../../kernel/events/run-in-batches'
import { emptyObject } from '../../kernel/pipeline/schema'

const batchSize = 5_000
const retentionMs = 90 * 24 * 60 * 60_000

/**
 * Deletes old plays that are in the totals, and expired repeat windows, time claims, network counters and salts. Safe to run
 * concurrently (`skip locked`).
 */
export const deleteExpiredPlayData = job({
  name: 'plays.deleteExpiredPlayData',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '5 * * * *',

  async run(_payload, context) {
    for (const step of steps) await runInBatches(batchSize, step, context)
  },
})

/** A step that runs one statement, which returns a row per deleted row, up to a batch. */
const statement =
  (sql: string, names: (now: Date) => Record<string, unknown>) =>
  async ({ app, now }: Context): Promise<number> =>
    (await app.db.query(sql, { max: batchSize, ...names(now) })).length

const ago = (now: Date, ms: number) => new Date(now.getTime() - ms)

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

const steps = [deletePlays, deleteWindows, deleteTimeClaims, deleteNetworks, deleteSalts]
