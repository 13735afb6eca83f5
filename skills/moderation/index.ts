import { type Skill } from '../../kernel/pipeline/registry'
import { createReport } from './create-report'
import { revokeUserSessions } from './revoke-user-sessions'
import { reportResolved } from './events'
import { listReports } from './list-reports'
import { resolveReport } from './resolve-report'

export const moderation: Skill = {
  operations: [createReport, listReports, resolveReport, revokeUserSessions],
  events: [reportResolved],
}
