import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { describeComment, visibleComment } from '../interactions/views'
import { viewPlaylist, visiblePlaylist } from '../playlists/views'
import { viewTrack, loadVisibleTrack } from '../tracks/views'
import { describeProfile, loadProfileSummary, visibleProfile } from '../user-profile/views'
import { type ReportedCopy, type ReportedSubject } from './views'

/**
 * A copy of the reported subject, as an anonymous viewer sees it now.
 * @throws `not_found` when the caller may not see it.
 */
export const copyReportedSubject = ({ kind, id }: ReportedSubject, context: Context<Actor>): Promise<ReportedCopy> =>
  copies[kind](id, context)

/** Render the copy for an anonymous viewer, so that it contains nothing about the reporter. */
const anonymous = { actor: null }

const copies: Record<ReportedSubject['kind'], (id: string, context: Context<Actor>) => Promise<ReportedCopy>> = {
  track: async (id, context) => ({ track: await viewTrack(await loadVisibleTrack(id, context), anonymous) }),

  profile: async (id, context) => ({ profile: describeProfile(await visibleProfile(id, context)) }),

  playlist: async (id, context) => ({
    playlist: await viewPlaylist(await visiblePlaylist(id, context), { ...anonymous, app: context.app }),
  }),

  async comment(id, context) {
    const comment = await visibleComment(id, context)
    return { comment: describeComment(comment, await loadProfileSummary(comment.authorId)) }
  },
}
