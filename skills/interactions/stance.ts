import { type ModelStatic } from 'sequelize'
import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { Like, Repost, type Track } from '../../models'
import { countsOf, lockTrack, visibleTrack } from '../streaming/views'
import { profileSummaryOf } from '../user-profile/views'
import { type trackLiked } from './events'
import { viewStance } from './views'

/** Tells of a like or a repost that came or went (the four events have one payload), with the counts as they are now. */
export async function tell(type: typeof trackLiked, track: Track, { actor, emit }: Context<Actor>): Promise<void> {
  const by = await profileSummaryOf(actor.id)
  await emit(type, { trackId: track.id, ownerId: track.ownerId, by, counts: countsOf(track) })
}

/**
 * A track, locked, that the caller may see or has liked or reposted (`mine`): what somebody did can be taken back when
 * the track has become invisible to them.
 * @throws `not_found`
 */
export async function trackToLeave(
  trackId: string,
  mine: ModelStatic<Like> | ModelStatic<Repost>,
  context: Context<Actor>,
): Promise<Track> {
  const track = await lockTrack(trackId)
  const done = await countMine(mine, trackId, context.actor)
  return track !== null && done > 0 ? track : visibleTrack(trackId, context, { lock: true })
}

export async function stanceOf(track: Track, actor: Actor) {
  const likes = await countMine(Like, track.id, actor)
  const reposts = await countMine(Repost, track.id, actor)
  return viewStance(track, { liked: likes > 0, reposted: reposts > 0 })
}

const countMine = (mine: ModelStatic<Like> | ModelStatic<Repost>, trackId: string, { id: profileId }: Actor) =>
  mine.count({ where: { trackId, profileId } })
