import { type JobContext } from '../../../kernel/job'
import { type ListedObject } from '../../../kernel/world/storage-listing'
import { orphanAgeMs } from './page'

/**
 * Removes what is old and not wanted. Asks for all of a page at once, which is nearly always enough, and for each one again
 * right before it goes: removing takes time, in which somebody may have come to want it.
 */
export async function removeOrphans(
  objects: readonly ListedObject[],
  wantedOf: (keys: readonly string[]) => Promise<ReadonlySet<string>>,
  { world, signal }: Pick<JobContext, 'world' | 'signal'>,
): Promise<void> {
  const oldest = world.clock.now() - orphanAgeMs
  const keys = objects.filter(({ modifiedAt }) => modifiedAt.getTime() < oldest).map(({ key }) => key)
  if (keys.length === 0) return
  const wanted = await wantedOf(keys)
  for (const key of keys) {
    if (signal.aborted) return
    if (wanted.has(key) || (await wantedOf([key])).has(key)) continue
    await world.storage.remove(key)
    world.metrics.bucketSwept.inc({ what: 'object' })
    world.log.info({ key }, 'removed an object that nobody wants')
  }
}
