import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { refusals } from '../../kernel/refusals'
import { Comment } from '../../models'
import { describeComment, isShown } from '../interactions/views'
import { viewPlaylist, visiblePlaylist } from '../playlists/views'
import { viewTrack, visibleTrack } from '../streaming/views'
import { describeProfile, profileSummaryOf, visibleProfile } from '../user-profile/views'
import { type FrozenCopy, type ReportedSubject } from './views'

/**
 * A copy of what somebody reports, as anybody would see it now.
 * @throws `not_found` when the caller may not know of it.
 */
export const freeze = ({ kind, id }: ReportedSubject, context: Context<Actor>): Promise<FrozenCopy> =>
  copies[kind](id, context)

/** The copy says nothing of who reported: it is made as for somebody who is not signed in. */
const nobody = { actor: null }

const copies: Record<ReportedSubject['kind'], (id: string, context: Context<Actor>) => Promise<FrozenCopy>> = {
  track: async (id, context) => ({ track: await viewTrack(await visibleTrack(id, context), nobody) }),

  profile: async (id, context) => ({ profile: describeProfile(await visibleProfile(id, context)) }),

  playlist: async (id, context) => ({
    playlist: await viewPlaylist(await visiblePlaylist(id, context), { ...nobody, world: context.world }),
  }),

  async comment(id, context) {
    const comment = await Comment.findByPk(id)
    if (comment === null || comment.removedAt !== null) throw refusals.notFound()
    const { ownerId } = await visibleTrack(comment.trackId, context)
    const names = { authorId: comment.authorId, ownerId, viewer: context.actor.id }
    const shown = await context.world.db.query(
      `select 1 as shown where ${isShown(':authorId', ':ownerId', ':viewer')}`,
      names,
    )
    if (shown.length === 0) throw refusals.notFound()
    return { comment: describeComment(comment, await profileSummaryOf(comment.authorId)) }
  },
}
