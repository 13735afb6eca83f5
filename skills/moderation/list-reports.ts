import { type WhereOptions, Op } from 'sequelize'
import { isModerator } from '../../kernel/actor'
import { operation } from '../../kernel/operation'
import { pageFrom, pageOf, pageSize, paging, readCursor } from '../../kernel/paging'
import { oneOf, optional, shape } from '../../kernel/schema'
import { Report } from '../../models'
import { profileSummaries } from '../user-profile/views'
import { caseView, mentionedIn, viewCase } from './views'

export const listReports = operation({
  name: 'moderation.listReports',
  route: 'GET /moderation/reports',
  summary: 'Reports, the oldest first, with what was reported as it was then; those that are open, resolved, or all.',
  who: 'moderators',
  input: shape({ ...paging, state: optional(oneOf('open', 'resolved')) }),
  output: pageOf(caseView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => null,

  allow: actor => isModerator(actor),

  async run({ input }) {
    const size = pageSize(input)
    const [after] = readCursor(input, 1) ?? []
    const where: WhereOptions<Report> = {
      ...(input.state === undefined ? {} : { outcome: input.state === 'open' ? null : { [Op.ne]: null } }),
      ...(after === undefined ? {} : { id: { [Op.gt]: after } }),
    }
    // Ids sort by the time they were made.
    const reports = await Report.findAll({ where, order: ['id'], limit: size + 1 })
    const people = await profileSummaries(mentionedIn(reports))
    return pageFrom(
      reports,
      size,
      ({ id }) => [id],
      report => viewCase(report, people),
    )
  },
})
