import { isModerator } from '../../kernel/pipeline/actor'
import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { id, optional, shape, text } from '../../kernel/pipeline/schema'
import { Report } from '../../models'
import { loadProfileSummaries } from '../user-profile/views'
import { reportResolved } from './events'
import { alreadyResolved } from './refusals'
import {
  reportCaseView,
  mentionedProfileIds,
  noteLengthMax,
  reportOutcome,
  reportSubject,
  viewReportCase,
} from './views'

export const resolveReport = operation({
  name: 'moderation.resolveReport',
  route: 'PUT /moderation/reports/:reportId/resolution',
  summary: 'Resolve a report',
  description: 'A report is resolved once. This does not remove its subject: that is a separate call.',
  auth: 'moderator',
  input: shape({ reportId: id, outcome: reportOutcome, note: optional(text(noteLengthMax)) }),
  output: reportCaseView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [alreadyResolved],

  async load({ reportId }) {
    const report = await Report.findByPk(reportId, { lock: true })
    if (report === null) throw refusals.notFound()
    return report
  },

  allow: actor => isModerator(actor),

  async run({ input: { outcome, note = '' }, subject: report, actor }, { now, emit }) {
    if (report.outcome === null) {
      await report.update({ outcome, resolutionNote: note, resolvedBy: actor.id, resolvedAt: now })
      const { id: reportId, reporterId } = report
      if (reporterId !== null)
        await emit(reportResolved, { reportId, reporterId, subject: reportSubject(report), outcome })
    }
    const view = viewReportCase(report, await loadProfileSummaries(mentionedProfileIds([report])))
    if (report.outcome !== outcome) throw alreadyResolved(undefined, { current: view })
    return view
  },
})
