import { type SweepPage } from '../../../kernel/sweep'
import { copyForDownload, enqueueCopy } from '../copy-for-download'
import { uncopiedAfter } from '../uncopied'

/** Copy jobs that may wait at once, so that a backlog is worked off gradually. */
export const copiesAskedMax = 200

/**
 * Enqueues missing download copies: of tracks that predate them, of a worker of the previous release, or of a lost
 * job. They do not count as missing objects, since they can be made. Stops at the limit; the next run continues
 * there.
 */
export const sweepUncopied: SweepPage = async (from, context) => {
  const room = copiesAskedMax - (await context.world.jobs.countAlive(copyForDownload, copiesAskedMax))
  if (room <= 0) return { next: from, missing: 0, isEnough: true }
  const page = await uncopiedAfter(from, context)
  const tracks = page.tracks.slice(0, room)
  await context.transact(async inside => {
    for (const { id } of tracks) await enqueueCopy(id, inside, { isUnasked: true })
  })
  const isEnough = tracks.length < page.tracks.length
  return { next: isEnough ? (tracks.at(-1)?.id ?? from) : page.next, missing: 0, isEnough }
}
