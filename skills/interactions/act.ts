import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { type Value } from '../../kernel/schema'
import { trackLiked, trackReposted, trackUnliked, trackUnreposted } from './events'
import { type Stance, stanceOf, viewStance } from './stance'
import { trackTally } from './track-tally'
import { type stanceView } from './views'

/** What listeners do with a track, with the table and the count that tell. */
const deeds = {
  likes: { stance: 'liked', done: trackLiked, undone: trackUnliked },
  reposts: { stance: 'reposted', done: trackReposted, undone: trackUnreposted },
} as const

/**
 * Does a deed (`by` 1) or takes it back (-1), unless that is so already; answers where the caller stands then. The act and
 * the step of the count are one statement; the count itself moves within a window.
 */
export async function act(
  deed: keyof typeof deeds,
  by: 1 | -1,
  before: Stance,
  context: Context<Actor>,
): Promise<Value<typeof stanceView>> {
  const { actor, now, tally, emit } = context
  const { trackId, track, counts } = before
  const { stance, done, undone } = deeds[deed]
  const names = { trackId, actorId: actor.id, now }
  const sql = by === 1 ? insertInto(deed) : deleteFrom(deed)
  if (await tally(trackTally, trackId, { actorId: actor.id, [deed]: by }, { sql, names })) {
    await emit(by === 1 ? done : undone, { trackId, ownerId: track.ownerId, by: before.by })
    // Where the opposite came in between, on another device, this takes back what was not in the count that was read.
    const moved = before[stance] === (by === 1) ? 0 : by
    return viewStance({ ...before, [stance]: by === 1, counts: { ...counts, [deed]: counts[deed] + moved } })
  }
  // The same act on another device came in between: what it did is not in what was read before it.
  return viewStance(before[stance] === (by === 1) ? before : await stanceOf(trackId, context))
}

const insertInto = (table: keyof typeof deeds): string => `
  insert into ${table} (track_id, profile_id, created_at) values (:trackId, :actorId, :now)
  on conflict do nothing returning 1`

const deleteFrom = (table: keyof typeof deeds): string => `
  delete from ${table} where track_id = :trackId and profile_id = :actorId returning 1`
