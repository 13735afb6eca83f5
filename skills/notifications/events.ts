import { event } from '../../kernel/events/event'
import { id, timestamp, nullable, shape } from '../../kernel/pipeline/schema'
import { notificationView, unreadFields } from './views'

/** Only the recipient's own channel. */
const recipientChannel = ({ recipientId }: { recipientId: string }) => [`user:${recipientId}`]

export const notificationAdded = event({
  name: 'notifications.notificationAdded',
  summary: 'A notification was added or has a new actor',
  description: 'Also sent when a hidden notification is visible again. It replaces the notification with the same id.',
  payload: shape({ recipientId: id, notification: notificationView, ...unreadFields }),
  channels: recipientChannel,
})

export const notificationWithdrawn = event({
  name: 'notifications.notificationWithdrawn',
  summary: 'A notification, or one of its actors, was withdrawn',
  description:
    'An actor withdrew the action before you read the notification, you blocked an actor, or the track was deleted. `notification` is ' +
    'what is left of it, or null.',
  payload: shape({ recipientId: id, notificationId: id, notification: nullable(notificationView), ...unreadFields }),
  channels: recipientChannel,
})

export const readMarkerMoved = event({
  name: 'notifications.readMarkerMoved',
  summary: 'Your read marker moved',
  description: 'One of your devices marked everything up to `readUntil` as read.',
  payload: shape({ recipientId: id, readUntil: timestamp, ...unreadFields }),
  channels: recipientChannel,
})
