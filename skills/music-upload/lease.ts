import { type Context } from '../../kernel/context'
import { type JobContext } from '../../kernel/job'
import { Upload } from '../../models'
import { leaseMs } from './rules'

/** The upload was aborted, its track removed, or it is in the hands of another worker: this run must not write any more. */
export class Overtaken extends Error {}

/** When a lease is renewed, and how long it is good for. */
export interface LeaseTimes {
  lifeMs: number
  renewEveryMs: number
}

/** Renewed more often than it must be: that is also when a worker hears that its upload was aborted. */
const usual: LeaseTimes = { lifeMs: leaseMs, renewEveryMs: leaseMs / 6 }

/**
 * Gives the upload into the hands of this run, whoever had it before; its row is locked. Leases are measured by the clock of
 * the database, since those of the workers differ.
 */
export async function takeLease(uploadId: string, run: string, { world }: Pick<Context, 'world'>): Promise<void> {
  await world.db.query(`update uploads set lease_by = :run, ${lasting}, attempts = attempts + 1 where id = :uploadId`, {
    uploadId,
    run,
    lifeMs: usual.lifeMs,
  })
}

/** What a row says when no worker holds it. */
export const noLease = { leaseBy: null, leaseUntil: null }

/**
 * Works with the lease renewed. Each transaction first sees, with the row locked, that the lease is still this run's: one
 * that was frozen and given up for dead can't write when it wakes up. The signal also tells that the lease is lost.
 * @throws Overtaken
 */
export async function underLease<T>(
  uploadId: string,
  run: string,
  context: JobContext,
  work: (leased: JobContext) => Promise<T>,
  times: LeaseTimes = usual,
): Promise<T> {
  const lost = new AbortController()
  const renewing = keepRenewing({ uploadId, run, times, onLost: () => lost.abort(new Overtaken()) }, context)
  try {
    return await work({
      ...context,
      signal: AbortSignal.any([context.signal, lost.signal]),
      transact: change =>
        context.transact(async inside => {
          await proveLease(uploadId, run)
          return change(inside)
        }),
    })
  } catch (error) {
    // Whatever was cut short says so in words of its own.
    throw lost.signal.aborted ? new Overtaken() : error
  } finally {
    clearInterval(renewing)
  }
}

async function proveLease(uploadId: string, run: string): Promise<void> {
  const upload = await Upload.findByPk(uploadId, { attributes: ['leaseBy'], lock: true })
  if (upload?.leaseBy !== run) throw new Overtaken()
}

interface Renewing {
  uploadId: string
  run: string
  times: LeaseTimes
  onLost: () => void
}

function keepRenewing({ uploadId, run, times, onLost }: Renewing, { world }: JobContext): NodeJS.Timeout {
  const { lifeMs, renewEveryMs } = times
  let renewedAt = world.clock.now()
  const renew = async () => {
    const asked = world.clock.now()
    try {
      const [row] = await world.db.query(renewal, { uploadId, run, lifeMs })
      if (row === undefined) onLost()
      else renewedAt = asked
    } catch {
      // A database that is away for a moment is nothing yet; after that another worker may have been given the upload.
      if (world.clock.now() - renewedAt > lifeMs) onLost()
    }
  }
  return setInterval(() => void renew(), renewEveryMs)
}

const lasting = `lease_until = clock_timestamp() + :lifeMs * interval '1 millisecond'`

/** Not of an upload that was aborted: its worker hears so here, in the midst of its work. */
const renewal = `
  update uploads set ${lasting} where id = :uploadId and lease_by = :run and state = 'processing' returning id`
