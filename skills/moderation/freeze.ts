import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { describeComment, visibleComment } from '../interactions/views'
import { viewPlaylist, visiblePlaylist } from '../playlists/views'
import { viewTrack, visibleTrack } from '../streaming/views'
import { describeProfile, profileSummaryOf, visibleProfile } from '../user-profile/views'
import { type FrozenCopy, type ReportedSubject } from './views'

/**
 * A copy of the reported subject, as an anonymous viewer sees it now.
 * @throws `not_found` when the caller may not see it.
 */
export const freeze = ({ kind, id }: ReportedSubject, context: Context<Actor>): Promise<FrozenCopy> =>
  copies[kind](id, context)

/** Render the copy for an anonymous viewer, so that it contains nothing about the reporter. */
const anonymous = { actor: null }

const copies: Record<ReportedSubject['kind'], (id: string, context: Context<Actor>) => Promise<FrozenCopy>> = {
  track: async (id, context) => ({ track: await viewTrack(await visibleTrack(id, context), anonymous) }),

  profile: async (id, context) => ({ profile: describeProfile(await visibleProfile(id, context)) }),

  playlist: async (id, context) => ({
    playlist: await viewPlaylist(await visiblePlaylist(id, context), { ...anonymous, world: context.world }),
  }),

  async comment(id, context) {
    const comment = await visibleComment(id, context)
    return { comment: describeComment(comment, await profileSummaryOf(comment.authorId)) }
  },
}
