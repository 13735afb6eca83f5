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
  summary: 'List reports',
  description:
    'Oldest first, each with a copy of its subject as it was when it was reported. `state` selects open or resolved reports; ' +
    'without it all are listed.',
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
    // UUIDv7: ids sort by creation time.
    const reports = await Report.findAll({ where, order: ['id'], limit: size + 1 })
    const profiles = await profileSummaries(mentionedIn(reports))
    return pageFrom(
      reports,
      size,
      ({ id }) => [id],
      report => viewCase(report, profiles),
    )
  },
})
