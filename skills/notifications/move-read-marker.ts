import { Op } from 'sequelize'
import { type Actor } from '../../kernel/actor'
import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { pattern, shape } from '../../kernel/schema'
import { Inbox, Notification } from '../../models'
import { readMarkerMoved } from './events'
import { unreadOf } from './shown'
import { readMarkerView } from './views'

/** An instant in UTC, or the id of a notification. */
const untilForm = /^(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/

export const moveReadMarker = operation({
  name: 'notifications.moveReadMarker',
  route: 'PUT /notifications/read-marker',
  summary: 'You have read everything up to an instant, or up to a notification as it is now; never back again.',
  who: 'signed-in',
  input: shape({ until: pattern(untilForm, 36) }),
  output: readMarkerView,
  limit: { perMinute: 120 },
  idempotency: 'natural',

  async load({ until }, { actor }) {
    const inbox = await Inbox.findByPk(actor.id, { lock: true })
    return { inbox, until: await instantOf(until, actor) }
  },

  allow: () => true,

  async run({ subject: { inbox, until }, actor }, { world, emit }) {
    // Not beyond what has happened: what comes next is unread, whatever the clock of the device says.
    const reached = inbox === null ? null : earlier(until, inbox.latestAt)
    const isAhead = reached !== null && reached > (inbox?.readUntil ?? new Date(0))
    if (isAhead) await readUntil(reached, actor)
    const unread = (await unreadOf(world, [actor.id]))(actor.id)
    if (isAhead) await emit(readMarkerMoved, { recipientId: actor.id, readUntil: reached.toISOString(), ...unread })
    const readUpTo = isAhead ? reached : (inbox?.readUntil ?? null)
    return { readUntil: readUpTo?.toISOString() ?? null, ...unread }
  },
})

async function instantOf(until: string, { id: recipientId }: Actor): Promise<Date> {
  if (until.endsWith('Z')) {
    const instant = new Date(until)
    if (!Number.isNaN(instant.getTime())) return instant
    const fault = { path: 'until', code: 'not_an_instant', message: 'until is no instant of the calendar' }
    throw refusals.invalidInput(undefined, { errors: [fault] })
  }
  const notification = await Notification.findOne({ where: { id: until, recipientId }, attributes: ['latestAt'] })
  if (notification === null) throw refusals.notFound()
  return notification.latestAt
}

const earlier = (one: Date, other: Date): Date => (one < other ? one : other)

async function readUntil(until: Date, { id: recipientId }: Actor): Promise<void> {
  await Inbox.update({ readUntil: until }, { where: { profileId: recipientId } })
  const where = { recipientId, isRead: false, latestAt: { [Op.lte]: until } }
  await Notification.update({ isRead: true }, { where })
}
