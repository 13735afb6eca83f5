import { type WhereOptions, Op } from 'sequelize'
import { isModerator } from '../../kernel/pipeline/actor'
import { operation } from '../../kernel/pipeline/operation'
import { toPage, pageOf, pageSize, pagingFields, parseCursor } from '../../kernel/pipeline/paging'
import { oneOf, optional, shape } from '../../kernel/pipeline/schema'
import { Report } from '../../models'
import { loadProfileSummaries } from '../user-profile/views'
import { reportCaseView, mentionedProfileIds, viewReportCase } from './views'

export const listReports = operation({
  name: 'moderation.listReports',
  route: 'GET /moderation/reports',
  summary: 'List reports',
  description:
    'Oldest first, each with a copy of its subject as it was when it was reported. `state` selects open or resolved reports; ' +
    'without it all are listed.',
  auth: 'moderator',
  input: shape({ ...pagingFields, state: optional(oneOf('open', 'resolved')) }),
  output: pageOf(reportCaseView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => null,

  allow: actor => isModerator(actor),

  async run({ input }) {
    const size = pageSize(input)
    const [after] = parseCursor(input, 1) ?? []
    const where: WhereOptions<Report> = {
      ...(input.state === undefined ? {} : { outcome: input.state === 'open' ? null : { [Op.ne]: null } }),
      ...(after === undefined ? {} : { id: { [Op.gt]: after } }),
    }
    // UUIDv7: ids sort by creation time.
    const reports = await Report.findAll({ where, order: ['id'], limit: size + 1 })
    const profiles = await loadProfileSummaries(mentionedProfileIds(reports))
    return toPage(reports, size, ({ id }) => [id]).map(report => viewReportCase(report, profiles))
  },
})
