import { id, instant, named, nullable, oneOf, optional, shape, type Value, written } from '../../kernel/schema'
import { type Report } from '../../models'
import { commentFacts } from '../interactions/views'
import { playlistView } from '../playlists/views'
import { trackView } from '../streaming/views'
import { profileFacts, profileSummary, type ProfileSummary } from '../user-profile/views'

export const noteMax = 1_000
export const reportedSubject = shape({ kind: oneOf('track', 'comment', 'profile', 'playlist'), id })
export type ReportedSubject = Value<typeof reportedSubject>
export const reportReason = oneOf('spam', 'abuse', 'copyright', 'illegal', 'other')
export const reportOutcome = oneOf('dismissed', 'upheld')

const reportFields = {
  id,
  subject: reportedSubject,
  reason: reportReason,
  note: written,
  state: oneOf('open', 'resolved'),
  outcome: nullable(reportOutcome),
  createdAt: instant,
  resolvedAt: nullable(instant),
}

/** A report as the reporter sees it. */
export const reportView = named('Report', shape(reportFields))

/** The subject as it was when it was reported, in the field named after its kind; the other fields are absent. */
const frozenCopy = named(
  'ReportedCopy',
  shape({
    track: optional(trackView),
    comment: optional(commentFacts),
    profile: optional(profileFacts),
    playlist: optional(playlistView),
  }),
)
export type FrozenCopy = Value<typeof frozenCopy>

/** A report as moderators see it. Only moderators learn who reported and who resolved it. */
export const caseView = named(
  'ReportCase',
  shape({
    ...reportFields,
    copy: frozenCopy,
    reporter: nullable(profileSummary),
    resolvedBy: nullable(profileSummary),
    resolutionNote: written,
  }),
)

export const viewReport = (report: Report): Value<typeof reportView> => ({
  id: report.id,
  subject: subjectOf(report),
  reason: report.reason,
  note: report.note,
  state: report.outcome === null ? 'open' : 'resolved',
  outcome: report.outcome,
  createdAt: report.createdAt.toISOString(),
  resolvedAt: report.resolvedAt?.toISOString() ?? null,
})

export const subjectOf = ({ subjectKind, subjectId }: Report): ReportedSubject => ({ kind: subjectKind, id: subjectId })

/** `profiles` holds the summaries of `mentionedIn(reports)`; a deleted account is shown as null. */
export function viewCase(report: Report, profiles: ReadonlyMap<string, ProfileSummary>): Value<typeof caseView> {
  const { copy, reporterId, resolvedBy, resolutionNote } = report
  const profile = (profileId: string | null) => profiles.get(profileId ?? '') ?? null
  return { ...viewReport(report), copy, reporter: profile(reporterId), resolvedBy: profile(resolvedBy), resolutionNote }
}

export const mentionedIn = (reports: readonly Report[]): string[] =>
  reports.flatMap(({ reporterId, resolvedBy }) => [reporterId, resolvedBy].filter(profileId => profileId !== null))
