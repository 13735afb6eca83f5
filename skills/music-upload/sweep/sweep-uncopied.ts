import { type SweepPage } from '../../../kernel/sweep'
import { enqueueCopy } from '../copy-for-download'
import { uncopied } from '../uncopied'

const tracksMax = 200

/**
 * Tracks without their copy for downloads: of before there were such copies, of a worker of the release before, or of a job
 * that was lost. They are not missing: the copy is made of what is there.
 */
export const sweepUncopied: SweepPage = async (place, context) => {
  const tracks = await uncopied({ after: place, limit: tracksMax }, context)
  await context.transact(async inside => {
    for (const { id } of tracks) await enqueueCopy(id, inside)
  })
  return { next: tracks.length < tracksMax ? '' : (tracks.at(-1)?.id ?? ''), missing: 0 }
}
