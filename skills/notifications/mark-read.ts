import { Op } from 'sequelize'
import { type Actor } from '../../kernel/pipeline/actor'
import { operation } from '../../kernel/pipeline/operation'
import { invalidField, refusals } from '../../kernel/pipeline/refusals'
import { pattern, shape } from '../../kernel/pipeline/schema'
import { NotificationInbox, Notification } from '../../models'
import { readMarkerMoved } from './events'
import { countUnread, readMarkerView } from './views'

/** A UTC timestamp, or a notification id. */
const timestampOrId = /^(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/

export const markRead = operation({
  name: 'notifications.markRead',
  route: 'PUT /notifications/read-marker',
  summary: 'Mark notifications as read',
  description:
    'Everything up to `until`, a timestamp or the id of a notification. The marker applies to all your devices and never moves back.',
  auth: 'signed-in',
  input: shape({ until: pattern(timestampOrId, 36) }),
  output: readMarkerView,
  limit: { perMinute: 120 },
  idempotency: 'natural',

  async load({ until }, { actor }) {
    const inbox = await NotificationInbox.findByPk(actor.id, { lock: true })
    return { inbox, until: await instantOf(until, actor) }
  },

  allow: () => true,

  async run({ subject: { inbox, until }, actor }, { app, emit }) {
    // Not beyond the latest activity: later notifications are unread even if the device's clock is ahead.
    const target = inbox === null ? null : earlier(until, inbox.latestAt)
    const moves = target !== null && target > (inbox?.readUntil ?? new Date(0))
    if (moves) await markReadUntil(target, actor)
    const unread = (await countUnread(app, [actor.id]))(actor.id)
    if (moves) await emit(readMarkerMoved, { recipientId: actor.id, readUntil: target.toISOString(), ...unread })
    const marker = moves ? target : (inbox?.readUntil ?? null)
    return { readUntil: marker?.toISOString() ?? null, ...unread }
  },
})

async function instantOf(until: string, { id: recipientId }: Actor): Promise<Date> {
  if (until.endsWith('Z')) {
    const instant = new Date(until)
    if (!Number.isNaN(instant.getTime())) return instant
    throw invalidField('until', 'invalid_timestamp', 'until is not a valid timestamp')
  }
  const notification = await Notification.findOne({ where: { id: until, recipientId }, attributes: ['latestAt'] })
  if (notification === null) throw refusals.notFound()
  return notification.latestAt
}

const earlier = (one: Date, other: Date): Date => (one < other ? one : other)

async function markReadUntil(until: Date, { id: recipientId }: Actor): Promise<void> {
  await NotificationInbox.update({ readUntil: until }, { where: { profileId: recipientId } })
  const where = { recipientId, isRead: false, latestAt: { [Op.lte]: until } }
  await Notification.update({ isRead: true }, { where })
}
