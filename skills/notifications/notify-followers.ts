import { type Context } from '../../kernel/pipeline/context'
import { firstPageCursor, isAfterCursor } from '../../kernel/pipeline/paging'
import { job } from '../../kernel/events/job'
import { id, nullable, shape, type Value, outputText } from '../../kernel/pipeline/schema'
import { Track } from '../../models'
import { isListedToFollowers } from '../tracks/rules'
import { applyChanges } from './apply-changes'

export const followersPerBatch = 500

/** Cursor: the last follower of the previous batch. `at` is when they followed, in PostgreSQL's text format. */
const cursor = nullable(shape({ at: outputText, id }))

/**
 * Notifies an artist's followers of a new track, in batches, most recent followers first. A batch and the enqueueing of the
 * next are one transaction, so that a retry resumes without notifying anybody twice. Stops if the track is deleted or no
 * longer listed to followers.
 */
export const notifyFollowers = job({
  name: 'notifications.notifyFollowers',
  payload: shape({ trackId: id, after: cursor }),
  attemptsMax: 20,

  run: ({ trackId, after }, { transact }) =>
    transact(async context => {
      const track = await Track.findByPk(trackId)
      if (track === null || !isListedToFollowers(track)) return
      const followers = await nextFollowers(track.ownerId, after, context)
      const activity = { kind: 'published', actorId: track.ownerId, targetId: trackId, trackId } as const
      await applyChanges({ added: followers.map(follower => ({ recipientId: follower.id, ...activity })) }, context)
      const last = followers.at(-1)
      if (last === undefined || followers.length < followersPerBatch) return
      await context.enqueue(notifyFollowers, { trackId, after: last }, { key: `published:${trackId}:${last.id}` })
    }),
})

type Follower = NonNullable<Value<typeof cursor>>

/** In the order of the index `follows_of_followee`. */
function nextFollowers(artistId: string, after: Follower | null, { app }: Context): Promise<Follower[]> {
  const [at, id] = after === null ? firstPageCursor : [after.at, after.id]
  return app.db.query<Follower>(
    `select cast(created_at as text) as at, follower_id as id from follows
     where followee_id = :artistId
       and ${isAfterCursor('created_at', 'follower_id')}
     order by created_at desc, follower_id desc limit ${followersPerBatch}`,
    { artistId, at, id },
  )
}
