import {
  count,
  flag,
  id,
  instant,
  list,
  named,
  nullable,
  oneOf,
  optional,
  shape,
  type Value,
  whole,
  written,
} from '../../kernel/schema'
import { notificationKinds } from '../../models/notification'
import { profileSummary } from '../user-profile/views'

/** How many actors are listed by name; `actorCount` counts them all. */
export const actorsShownMax = 3
/** Unread notifications are counted up to this; above it `more` is true. */
export const unreadShownMax = 99

/** Activities of one kind on one target, grouped: `actors` are the latest, `actorCount` is their number. */
export const notificationView = named(
  'Notification',
  shape({
    id,
    kind: oneOf(...notificationKinds),
    actors: list(profileSummary, actorsShownMax),
    actorCount: count,
    track: optional(shape({ id, title: written })),
    comment: optional(shape({ id, body: written, positionMs: count })),
    at: instant,
    read: flag,
  }),
)
export type NotificationView = Value<typeof notificationView>

/** The number of unread notifications in the list. */
export const unread = { unreadCount: whole(0, unreadShownMax), more: flag }
export const unreadView = named('UnreadCount', shape(unread))
export type Unread = Value<typeof unreadView>

/** Everything up to `readUntil` is read; null if nothing is. */
export const readMarkerView = named('ReadMarker', shape({ readUntil: nullable(instant), ...unread }))
