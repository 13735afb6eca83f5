import { newId } from '../../kernel/ids'
import { operation } from '../../kernel/operation'
import { optional, shape, text } from '../../kernel/schema'
import { Report } from '../../models'
import { freeze } from './freeze'
import { noteMax, reportedSubject, reportReason, reportView, viewReport } from './views'

export const createReport = operation({
  name: 'moderation.createReport',
  route: 'POST /reports',
  summary: 'Report something to the moderators. Once is enough: reporting it again answers with your first report.',
  who: 'signed-in',
  input: shape({ subject: reportedSubject, reason: reportReason, note: optional(text(noteMax)) }),
  output: reportView,
  limit: { perMinute: 10 },
  idempotency: 'keyed',
  status: 201,

  /** What was reported before is answered even when it is gone by now. */
  async load({ subject }, context) {
    const key = { reporterId: context.actor.id, subjectKind: subject.kind, subjectId: subject.id }
    return (await Report.findOne({ where: key })) ?? { key, copy: await freeze(subject, context) }
  },

  allow: () => true,

  async run({ input: { reason, note = '' }, subject: found }, { now }) {
    if (found instanceof Report) return viewReport(found)
    const { key, copy } = found
    // Two at once are settled by the constraint: one row, the same answer for both.
    const row = { ...key, id: newId(now), reason, note, copy, createdAt: now }
    await Report.bulkCreate([row], { ignoreDuplicates: true })
    return viewReport(await Report.findOne({ where: key, rejectOnEmpty: true }))
  },
})
