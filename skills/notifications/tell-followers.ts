import { type Context } from '../../kernel/context'
import { job } from '../../kernel/job'
import { id, nullable, shape, type Value, written } from '../../kernel/schema'
import { Track } from '../../models'
import { isListedToFollowers } from '../streaming/rules'
import { newest } from '../user-profile/views'
import { notify } from './notify'

export const followersPerBatch = 500

/** The last follower of the batch before: `at` is when they began to follow, as PostgreSQL writes it. */
const place = nullable(shape({ at: written, id }))

/**
 * Tells the followers of an artist of a new track, batch after batch, those who followed last first. A batch and the
 * request for the next are one transaction, so that it goes on where it stopped; who was told is not told again. It ends
 * when the track is gone or no longer for them.
 */
export const tellFollowers = job({
  name: 'notifications.tellFollowers',
  payload: shape({ trackId: id, after: place }),
  attemptsMax: 20,

  run: ({ trackId, after }, { transact }) =>
    transact(async context => {
      const track = await Track.findByPk(trackId)
      if (track === null || !isListedToFollowers(track)) return
      const followers = await nextFollowers(track.ownerId, after, context)
      const cause = { kind: 'published', actorId: track.ownerId, targetId: trackId, trackId } as const
      await notify(
        followers.map(follower => follower.id),
        cause,
        context,
      )
      const last = followers.at(-1)
      if (last === undefined || followers.length < followersPerBatch) return
      await context.enqueue(tellFollowers, { trackId, after: last }, { key: `published:${trackId}:${last.id}` })
    }),
})

type Follower = NonNullable<Value<typeof place>>

/** By the index follows_of_followee. */
function nextFollowers(artistId: string, after: Follower | null, { world }: Context): Promise<Follower[]> {
  const [at, id] = after === null ? newest : [after.at, after.id]
  return world.db.query<Follower>(
    `select cast(created_at as text) as at, follower_id as id from follows
     where followee_id = :artistId
       and (created_at, follower_id) < (cast(:at as timestamptz), cast(:id as uuid))
     order by created_at desc, follower_id desc limit ${followersPerBatch}`,
    { artistId, at, id },
  )
}
