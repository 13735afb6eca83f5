import { event } from '../../kernel/event'
import { id, shape } from '../../kernel/schema'
import { reportedSubject, reportOutcome } from './views'

export const reportResolved = event({
  name: 'moderation.reportResolved',
  summary: 'The moderators decided about something that you reported.',
  payload: shape({ reportId: id, reporterId: id, subject: reportedSubject, outcome: reportOutcome }),
  // The reported must not learn of the report, nor anybody of who decided it.
  channels: ({ reporterId }) => [`user:${reporterId}`],
})
