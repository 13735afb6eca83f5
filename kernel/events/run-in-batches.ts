import { type Context } from '../pipeline/context'
import { type JobContext } from './job'

/**
 * Repeats `step`, each time in a transaction of its own, until it processes less than a full batch or the worker shuts down.
 * `step` returns the number of rows it processed, at most `batchSize`.
 */
export async function runInBatches(
  batchSize: number,
  step: (context: Context) => Promise<number>,
  { transact, signal }: JobContext,
): Promise<void> {
  let processed = batchSize
  while (processed === batchSize && !signal.aborted) processed = await transact(step)
}
