import { type JobContext } from '../../kernel/job'
import { Overtaken } from './lease'
import { reach } from './processing'

/** Telling is a transaction and an event: not for every per cent of a short sound. */
const tellEveryMs = 3_000
const [startPercent, endPercent] = [50, 80]

/**
 * Does something long while the upload's owner hears how far it is. Ends it at once, by its signal, when nobody wants it
 * any more.
 * @throws Overtaken
 */
export async function tellWhile<T>(
  uploadId: string,
  { world, signal, transact }: Pick<JobContext, 'world' | 'signal' | 'transact'>,
  work: (signal: AbortSignal, reached: (share: number) => void) => Promise<T>,
): Promise<T> {
  const unwanted = new AbortController()
  let toldAt = world.clock.now()
  let told = startPercent
  let telling = Promise.resolve()
  const reached = (share: number) => {
    const percent = Math.floor(startPercent + share * (endPercent - startPercent))
    const now = world.clock.now()
    if (now - toldAt < tellEveryMs || percent <= told) return
    toldAt = now
    told = percent
    telling = telling
      .then(() => transact(inside => reach(uploadId, 'encoding', percent, inside)))
      .catch((error: unknown) => {
        // A database that is away for a moment is no reason to throw the work away: what comes after it will tell.
        if (error instanceof Overtaken) unwanted.abort(error)
      })
  }
  try {
    const made = await work(AbortSignal.any([signal, unwanted.signal]), reached)
    await telling
    unwanted.signal.throwIfAborted()
    return made
  } finally {
    // Nothing of it may come after what follows.
    await telling
  }
}
