import { newId } from '../../kernel/pipeline/new-id'
import { operation } from '../../kernel/pipeline/operation'
import { optional, shape, text } from '../../kernel/pipeline/schema'
import { Report } from '../../models'
import { copyReportedSubject } from './copy-reported-subject'
import { noteLengthMax, reportedSubject, reportReason, reportView, viewReport } from './views'

export const createReport = operation({
  name: 'moderation.createReport',
  route: 'POST /reports',
  summary: 'Report content or a profile',
  description:
    'Reports a track, comment, profile or playlist to the moderators. Reporting it again returns your first report.',
  auth: 'signed-in',
  input: shape({ subject: reportedSubject, reason: reportReason, note: optional(text(noteLengthMax)) }),
  output: reportView,
  limit: { perMinute: 10 },
  idempotency: 'keyed',
  status: 201,

  /** Return an existing report even if its subject has been deleted since. */
  async load({ subject }, context) {
    const key = { reporterId: context.actor.id, subjectKind: subject.kind, subjectId: subject.id }
    return (await Report.findOne({ where: key })) ?? { key, reportedCopy: await copyReportedSubject(subject, context) }
  },

  allow: () => true,

  async run({ input: { reason, note = '' }, subject: loaded }, { now }) {
    if (loaded instanceof Report) return viewReport(loaded)
    const { key, reportedCopy } = loaded
    // The unique constraint makes concurrent reports one row; both calls return it.
    const row = { ...key, id: newId(now), reason, note, reportedCopy, createdAt: now }
    await Report.bulkCreate([row], { ignoreDuplicates: true })
    return viewReport(await Report.findOne({ where: key, rejectOnEmpty: true }))
  },
})
