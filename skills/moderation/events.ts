import { event } from '../../kernel/events/event'
import { id, shape } from '../../kernel/pipeline/schema'
import { reportedSubject, reportOutcome } from './views'

export const reportResolved = event({
  name: 'moderation.reportResolved',
  summary: 'A report of yours was resolved',
  payload: shape({ reportId: id, reporterId: id, subject: reportedSubject, outcome: reportOutcome }),
  // Only the reporter: the reported person must not learn of the report. The payload does not name the moderator.
  channels: ({ reporterId }) => [`user:${reporterId}`],
})

/** Internal: the pictures skill reacts to it. */
export const avatarRemoved = event({
  name: 'moderation.avatarRemoved',
  summary: 'A moderator removed an avatar',
  payload: shape({ profileId: id }),
})
