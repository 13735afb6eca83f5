import { type SweepPage } from '../../../kernel/platform/bucket-sweep'
import { makeDownloadCopy, enqueueDownloadCopy } from '../make-download-copy'
import { pageMissingDownloads } from '../missing-downloads'

/** Copy jobs that may wait at once, so that a backlog is worked off gradually. */
export const copyJobsMax = 200

/**
 * Enqueues missing download copies of tracks whose job was lost. They do not count as missing objects, since they can
 * be made. Stops at the limit; the next run continues there.
 */
export const sweepMissingDownloads: SweepPage = async (from, context) => {
  const room = copyJobsMax - (await context.app.jobs.countPending(makeDownloadCopy, copyJobsMax))
  if (room <= 0) return { nextCursor: from, missing: 0, stopsHere: true }
  const page = await pageMissingDownloads(from, context)
  const tracks = page.tracks.slice(0, room)
  await context.transact(async inside => {
    for (const { id } of tracks) await enqueueDownloadCopy(id, inside, { isBackground: true })
  })
  const isEnough = tracks.length < page.tracks.length
  return { nextCursor: isEnough ? (tracks.at(-1)?.id ?? from) : page.next, missing: 0, stopsHere: isEnough }
}
