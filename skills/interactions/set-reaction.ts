import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { trackLiked, trackReposted, trackUnliked, trackUnreposted } from './events'
import { trackCounter } from './track-counter'
import { type ViewerReaction, loadViewerReaction } from './viewer-reaction'
import { viewReaction, type ViewerReactionView } from './views'

/** Each kind of reaction: its table and counter field (the same name), its flag in the view, its events. */
const reactions = {
  like: { table: 'likes', flag: 'liked', added: trackLiked, withdrawn: trackUnliked },
  repost: { table: 'reposts', flag: 'reposted', added: trackReposted, withdrawn: trackUnreposted },
} as const

/**
 * Adds (`isSet`) or withdraws the caller's like or repost, unless that is the case already, and returns the viewer's reactions
 * after it. The row and the counter change are one statement; the counter itself is applied within 200 ms.
 */
export async function setReaction(
  kind: keyof typeof reactions,
  isSet: boolean,
  before: ViewerReaction,
  context: Context<Actor>,
): Promise<ViewerReactionView> {
  const { actor, now, changeCounter, emit } = context
  const { trackId, track, counts } = before
  const { table, flag, added, withdrawn } = reactions[kind]
  const by = isSet ? 1 : -1
  const row = { sql: isSet ? insertInto(table) : deleteFrom(table), replacements: { trackId, actorId: actor.id, now } }
  if (await changeCounter(trackCounter, trackId, { actorId: actor.id, [table]: by }, row)) {
    await emit(isSet ? added : withdrawn, { trackId, ownerId: track.ownerId, actor: before.actor })
    // If another device did the opposite since the read, the counts that were read already match: do not add `by` again.
    const difference = before[flag] === isSet ? 0 : by
    return viewReaction({ ...before, [flag]: isSet, counts: { ...counts, [table]: counts[table] + difference } })
  }
  // Another device did the same since the read: read again, because the counts that were read do not include it.
  return viewReaction(before[flag] === isSet ? before : await loadViewerReaction(trackId, context))
}

type Table = (typeof reactions)[keyof typeof reactions]['table']

const insertInto = (table: Table): string => `
  insert into ${table} (track_id, profile_id, created_at) values (:trackId, :actorId, :now)
  on conflict do nothing returning 1`

const deleteFrom = (table: Table): string => `
  delete from ${table} where track_id = :trackId and profile_id = :actorId returning 1`
