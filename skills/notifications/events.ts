import { event } from '../../kernel/event'
import { id, instant, nullable, shape } from '../../kernel/schema'
import { notificationView, unread } from './views'

/** The devices of the recipient, and nobody else. */
const recipient = ({ recipientId }: { recipientId: string }) => [`user:${recipientId}`]

export const notificationAdded = event({
  name: 'notifications.notificationAdded',
  summary: 'A notification is there, is there again, or speaks of one more actor: it replaces the one of the same id.',
  payload: shape({ recipientId: id, notification: notificationView, ...unread }),
  channels: recipient,
})

export const notificationWithdrawn = event({
  name: 'notifications.notificationWithdrawn',
  summary:
    'An actor took something back before you read of it, you blocked one, or your track is gone: what is left of the ' +
    'notification, or null.',
  payload: shape({ recipientId: id, notificationId: id, notification: nullable(notificationView), ...unread }),
  channels: recipient,
})

export const readMarkerMoved = event({
  name: 'notifications.readMarkerMoved',
  summary: 'You have read everything up to an instant, on one of your devices.',
  payload: shape({ recipientId: id, readUntil: instant, ...unread }),
  channels: recipient,
})
