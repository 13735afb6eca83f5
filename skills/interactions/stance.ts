import { type Actor } from '../../kernel/actor'
import { Like, Repost, type Track } from '../../models'
import { viewStance } from './views'

export type Counter = 'likeCount' | 'repostCount' | 'commentCount'

/** Moves one counter of a locked track and its revision, and reads both back. */
export async function count(track: Track, counter: Counter, by: 1 | -1): Promise<void> {
  await track.increment({ [counter]: by, rev: 1 })
  await track.reload()
}

export async function stanceOf(track: Track, { id: profileId }: Actor) {
  const where = { trackId: track.id, profileId }
  const likes = await Like.count({ where })
  const reposts = await Repost.count({ where })
  return viewStance(track, { liked: likes > 0, reposted: reposts > 0 })
}
