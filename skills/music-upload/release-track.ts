import { type Context } from '../../kernel/context'
import { job } from '../../kernel/job'
import { id, instant, shape } from '../../kernel/schema'
import { type Track } from '../../models'
import { lockTrack } from '../streaming/views'
import { changeTrack } from './change-track'

/**
 * Lets a track out at the instant for which it waits. Twice or too late does no harm, and a job for an instant that was
 * changed since comes to nothing. That its time has come the queue says, by the clock of PostgreSQL.
 */
export const releaseTrack = job({
  name: 'music-upload.releaseTrack',
  payload: shape({ trackId: id, releaseAt: instant }),
  attemptsMax: 10,

  run: ({ trackId, releaseAt }, { transact }) =>
    transact(async context => {
      const track = await lockTrack(trackId)
      if (track === null || track.removedAt !== null || track.releaseAs === null) return
      if (track.releaseAt?.toISOString() !== releaseAt) return
      await changeTrack(track, { visibility: track.releaseAs, releaseAs: null }, context)
    }),
})

/** A job for each instant: one that shares its key with another is lost when that one is taken just then. */
export async function scheduleRelease(
  { id: trackId, releaseAs, releaseAt }: Track,
  { enqueue }: Pick<Context, 'enqueue'>,
): Promise<void> {
  if (releaseAs === null || releaseAt === null) return
  const due = releaseAt.toISOString()
  await enqueue(releaseTrack, { trackId, releaseAt: due }, { key: `release:${trackId}:${due}`, runAt: releaseAt })
}
