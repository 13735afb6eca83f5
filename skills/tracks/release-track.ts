import { type Context } from '../../kernel/pipeline/context'
import { job } from '../../kernel/events/job'
import { id, timestamp, shape } from '../../kernel/pipeline/schema'
import { type Track } from '../../models'
import { lockTrack } from './views'
import { changeTrack } from './change-track'

/**
 * Releases a track at its time. Idempotent; a job for a time that was changed since does nothing. The queue starts it
 * by the clock of PostgreSQL.
 */
export const releaseTrack = job({
  name: 'tracks.releaseTrack',
  payload: shape({ trackId: id, releaseAt: timestamp }),
  attemptsMax: 10,

  run: ({ trackId, releaseAt }, { transact }) =>
    transact(async context => {
      const track = await lockTrack(trackId)
      if (track === null || track.deletedAt !== null || track.releaseVisibility === null) return
      if (track.releaseAt?.toISOString() !== releaseAt) return
      await changeTrack(track, { visibility: track.releaseVisibility, releaseVisibility: null }, context)
    }),
})

/** One job per release time: a job that shares the key of one that is just starting would be lost. */
export async function scheduleRelease(
  { id: trackId, releaseVisibility, releaseAt }: Track,
  { enqueue }: Pick<Context, 'enqueue'>,
): Promise<void> {
  if (releaseVisibility === null || releaseAt === null) return
  const due = releaseAt.toISOString()
  await enqueue(releaseTrack, { trackId, releaseAt: due }, { key: `release:${trackId}:${due}`, runAt: releaseAt })
}
