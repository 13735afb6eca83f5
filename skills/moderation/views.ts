import {
  id,
  timestamp,
  named,
  nullable,
  oneOf,
  optional,
  shape,
  type Value,
  outputText,
} from '../../kernel/pipeline/schema'
import { type Report } from '../../models'
import { commentAttributes } from '../interactions/views'
import { playlistView } from '../playlists/views'
import { trackView } from '../tracks/views'
import { profileAttributes, profileSummary, type ProfileSummary } from '../user-profile/views'

export const noteLengthMax = 1_000
export const reportedSubject = shape({ kind: oneOf('track', 'comment', 'profile', 'playlist'), id })
export type ReportedSubject = Value<typeof reportedSubject>
export const reportReason = oneOf('spam', 'abuse', 'copyright', 'illegal', 'other')
export const reportOutcome = oneOf('dismissed', 'upheld')

const reportFields = {
  id,
  subject: reportedSubject,
  reason: reportReason,
  note: outputText,
  state: oneOf('open', 'resolved'),
  outcome: nullable(reportOutcome),
  createdAt: timestamp,
  resolvedAt: nullable(timestamp),
}

/** A report as the reporter sees it. */
export const reportView = named('Report', shape(reportFields))

/** The subject as it was when it was reported, in the field named after its kind; the other fields are absent. */
const frozenCopy = named(
  'ReportedCopy',
  shape({
    track: optional(trackView),
    comment: optional(commentAttributes),
    profile: optional(profileAttributes),
    playlist: optional(playlistView),
  }),
)
export type ReportedCopy = Value<typeof frozenCopy>

/** A report as moderators see it. Only moderators learn who reported and who resolved it. */
export const reportCaseView = named(
  'ReportCase',
  shape({
    ...reportFields,
    copy: frozenCopy,
    reporter: nullable(profileSummary),
    resolvedBy: nullable(profileSummary),
    resolutionNote: outputText,
  }),
)

export const viewReport = (report: Report): Value<typeof reportView> => ({
  id: report.id,
  subject: reportSubject(report),
  reason: report.reason,
  note: report.note,
  state: report.outcome === null ? 'open' : 'resolved',
  outcome: report.outcome,
  createdAt: report.createdAt.toISOString(),
  resolvedAt: report.resolvedAt?.toISOString() ?? null,
})

export const reportSubject = ({ subjectKind, subjectId }: Report): ReportedSubject => ({
  kind: subjectKind,
  id: subjectId,
})

/** `profiles` holds the summaries of `mentionedProfileIds(reports)`; a deleted account is shown as null. */
export function viewReportCase(
  report: Report,
  profiles: ReadonlyMap<string, ProfileSummary>,
): Value<typeof reportCaseView> {
  const { reportedCopy, reporterId, resolvedBy, resolutionNote } = report
  const profile = (profileId: string | null) => profiles.get(profileId ?? '') ?? null
  return {
    ...viewReport(report),
    copy: reportedCopy,
    reporter: profile(reporterId),
    resolvedBy: profile(resolvedBy),
    resolutionNote,
  }
}

export const mentionedProfileIds = (reports: readonly Report[]): string[] =>
  reports.flatMap(({ reporterId, resolvedBy }) => [reporterId, resolvedBy].filter(profileId => profileId !== null))
