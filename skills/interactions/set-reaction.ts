import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { type Value } from '../../kernel/pipeline/schema'
import { trackLiked, trackReposted, trackUnliked, trackUnreposted } from './events'
import { type ViewerReaction, loadViewerReaction, viewReaction } from './viewer-reaction'
import { trackCounter } from './track-counter'
import { type viewerReactionView } from './views'

/** The reactions to a track: the key is both the table and the counter field. */
const reactions = {
  likes: { flag: 'liked', added: trackLiked, withdrawn: trackUnliked },
  reposts: { flag: 'reposted', added: trackReposted, withdrawn: trackUnreposted },
} as const

/**
 * Adds (`by` 1) or withdraws (`by` -1) the caller's like or repost, unless that is the case already, and returns the viewer's
 * reactions after it. The row and the counter change are one statement; the counter itself is applied within 200 ms.
 */
export async function setReaction(
  table: keyof typeof reactions,
  by: 1 | -1,
  before: ViewerReaction,
  context: Context<Actor>,
): Promise<Value<typeof viewerReactionView>> {
  const { actor, now, changeCounter, emit } = context
  const { trackId, track, counts } = before
  const { flag, added, withdrawn } = reactions[table]
  const names = { trackId, actorId: actor.id, now }
  const sql = by === 1 ? insertInto(table) : deleteFrom(table)
  if (await changeCounter(trackCounter, trackId, { actorId: actor.id, [table]: by }, { sql, replacements: names })) {
    await emit(by === 1 ? added : withdrawn, { trackId, ownerId: track.ownerId, by: before.actor })
    // If another device did the opposite since the read, the counts that were read already match: do not add `by` again.
    const difference = before[flag] === (by === 1) ? 0 : by
    return viewReaction({ ...before, [flag]: by === 1, counts: { ...counts, [table]: counts[table] + difference } })
  }
  // Another device did the same since the read: read again, because the counts that were read do not include it.
  return viewReaction(before[flag] === (by === 1) ? before : await loadViewerReaction(trackId, context))
}

const insertInto = (table: keyof typeof reactions): string => `
  insert into ${table} (track_id, profile_id, created_at) values (:trackId, :actorId, :now)
  on conflict do nothing returning 1`

const deleteFrom = (table: keyof typeof reactions): string => `
  delete from ${table} where track_id = :trackId and profile_id = :actorId returning 1`
