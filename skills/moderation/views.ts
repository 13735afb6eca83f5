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

const facts = {
  id,
  subject: reportedSubject,
  reason: reportReason,
  note: written,
  state: oneOf('open', 'resolved'),
  outcome: nullable(reportOutcome),
  createdAt: instant,
  resolvedAt: nullable(instant),
}

/** A report as the one who made it sees it. */
export const reportView = named('Report', shape(facts))

/** The subject as it was when it was reported: the one field that bears the name of its kind. */
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

/** A report as moderators see it. Nobody else learns who reported, or who decided. */
export const caseView = named(
  'ReportCase',
  shape({
    ...facts,
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

/** `people` are those whom the reports mention; an account that is gone leaves nobody. */
export function viewCase(report: Report, people: ReadonlyMap<string, ProfileSummary>): Value<typeof caseView> {
  const { copy, reporterId, resolvedBy, resolutionNote } = report
  const person = (profileId: string | null) => people.get(profileId ?? '') ?? null
  return { ...viewReport(report), copy, reporter: person(reporterId), resolvedBy: person(resolvedBy), resolutionNote }
}

export const mentionedIn = (reports: readonly Report[]): string[] =>
  reports.flatMap(({ reporterId, resolvedBy }) => [reporterId, resolvedBy].filter(profileId => profileId !== null))
