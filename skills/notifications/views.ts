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

/** So many actors are shown by name; the rest is a number. */
export const actorsShownMax = 3
/** Nobody counts further: beyond it `more` is true. */
export const unreadShownMax = 99

/** What some people did to one thing: the latest of them, and how many they are. */
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

/** As many as the list shows as unread. */
export const unread = { unreadCount: whole(0, unreadShownMax), more: flag }
export const unreadView = named('UnreadCount', shape(unread))
export type Unread = Value<typeof unreadView>

/** Up to when everything is read, or null when nothing is. */
export const readMarkerView = named('ReadMarker', shape({ readUntil: nullable(instant), ...unread }))
