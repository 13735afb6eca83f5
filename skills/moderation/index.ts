import { type Skill } from '../../kernel/product'
import { createReport } from './create-report'
import { endSessionsOf } from './end-sessions-of'
import { reportResolved } from './events'
import { listReports } from './list-reports'
import { resolveReport } from './resolve-report'

export const moderation: Skill = {
  operations: [createReport, listReports, resolveReport, endSessionsOf],
  events: [reportResolved],
}
