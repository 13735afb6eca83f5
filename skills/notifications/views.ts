import {
  count,
  boolean,
  id,
  timestamp,
  list,
  named,
  nullable,
  oneOf,
  optional,
  shape,
  type Value,
  integer,
  outputText,
} from '../../kernel/pipeline/schema'
import { notificationKinds } from '../../models/notification'
import { profileSummary } from '../user-profile/views'

/** How many actors are listed by name; `actorCount` counts them all. */
export const actorsListedMax = 3
/** Unread notifications are counted up to this; above it `more` is true. */
export const unreadCountMax = 99

/** Activities of one kind on one target, grouped: `actors` are the latest, `actorCount` is their number. */
export const notificationView = named(
  'Notification',
  shape({
    id,
    kind: oneOf(...notificationKinds),
    actors: list(profileSummary, actorsListedMax),
    actorCount: count,
    track: optional(shape({ id, title: outputText })),
    comment: optional(shape({ id, body: outputText, positionMs: count })),
    at: timestamp,
    read: boolean,
  }),
)
export type NotificationView = Value<typeof notificationView>

/** The number of unread notifications in the list. */
export const unreadFields = { unreadCount: integer(0, unreadCountMax), more: boolean }
export const unreadView = named('UnreadCount', shape(unreadFields))
export type UnreadCount = Value<typeof unreadView>

/** Everything up to `readUntil` is read; null if nothing is. */
export const readMarkerView = named('ReadMarker', shape({ readUntil: nullable(timestamp), ...unreadFields }))
