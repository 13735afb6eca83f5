import { type SweepPage } from '../../../kernel/sweep'
import { copyForDownload, enqueueCopy } from '../copy-for-download'
import { uncopiedAfter } from '../uncopied'

/** So many copies are waited for at once: what is of before there were copies comes bit by bit. */
export const copiesAskedMax = 200

/**
 * Tracks without their copy for downloads: of before there were such copies, of a worker of the release before, or of a job
 * that was lost. They are not missing: the copy is made of what is there. Once enough are asked for the next run goes on.
 */
export const sweepUncopied: SweepPage = async (place, context) => {
  const room = copiesAskedMax - (await context.world.jobs.countAlive(copyForDownload, copiesAskedMax))
  if (room <= 0) return { next: place, missing: 0, isEnough: true }
  const page = await uncopiedAfter(place, context)
  const tracks = page.tracks.slice(0, room)
  await context.transact(async inside => {
    for (const { id } of tracks) await enqueueCopy(id, inside, { isUnasked: true })
  })
  const isEnough = tracks.length < page.tracks.length
  return { next: isEnough ? (tracks.at(-1)?.id ?? place) : page.next, missing: 0, isEnough }
}
