import { isAfterCursor } from '../../kernel/pipeline/paging'
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
import { type AppContext } from '../../kernel/platform/app-context'
import { notificationKinds, type NotificationKind } from '../../models/notification'
import { isTrackListedForSql } from '../tracks/views'
import { actorsListedMax, blockBetween, profileSummary, summaryJson } from '../user-profile/views'

/** Unread notifications are counted up to this; above it `hasMoreUnread` is true. */
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

/** The number of unread notifications that are visible to their recipient. */
export const unreadFields = { unreadCount: integer(0, unreadCountMax), hasMoreUnread: boolean }
export const unreadView = named('UnreadCount', shape(unreadFields))
export type UnreadCount = Value<typeof unreadView>

/** Everything up to `readUntil` is read; null if nothing is. */
export const readMarkerView = named('ReadMarker', shape({ readUntil: nullable(timestamp), ...unreadFields }))

/** SQL condition: `a` is a visible actor of `n`: not withdrawn, and no block in either direction with the recipient. */
const isVisibleActor = `a.notification_id = n.id and not a.withdrawn and not ${blockBetween('a.actor_id', 'n.recipient_id')}`

/**
 * SQL from `from` on: the notifications that their recipients may see now. A recipient's own track may be in any state;
 * another's must be listed for them. Notifications of deleted tracks and comments are hidden, so that there are no dead links.
 */
const fromVisibleNotifications = `
  from notifications n
  left join tracks t on t.id = n.track_id
  left join comments c on c.id = n.comment_id
  where n.actor_count > 0
    and exists (select from notification_actors a where ${isVisibleActor})
    and t.deleted_at is null
    and (t.id is null or t.owner_id = n.recipient_id or ${isTrackListedForSql('t', 'n.recipient_id')})
    and c.deleted_at is null`

/** `actorCount` is the stored count minus the actors hidden by a block: these are few, so counting them is cheap. */
const columns = `
  n.id, n.recipient_id as "recipientId", n.kind, n.latest_at as at, n.is_read as read,
  t.id as "trackId", t.title, c.id as "commentId", c.body, c.position_ms as "positionMs",
  n.actor_count - (
    select cast(count(*) as integer) from notification_actors a
    where a.notification_id = n.id and not a.withdrawn and a.actor_id in (
      select blocked_id from blocks where blocker_id = n.recipient_id
      union select blocker_id from blocks where blocked_id = n.recipient_id)
  ) as "actorCount",
  (
    select jsonb_agg(${summaryJson('p')} order by latest.at desc)
    from (select a.actor_id, a.at from notification_actors a where ${isVisibleActor} order by a.at desc limit ${actorsListedMax}) latest
    join profiles p on p.id = latest.actor_id
  ) as actors`

export interface VisibleNotification {
  id: string
  recipientId: string
  kind: NotificationKind
  at: Date
  read: boolean
  actorCount: number
  actors: NotificationView['actors']
  trackId: string | null
  title: string | null
  commentId: string | null
  body: string | null
  positionMs: number | null
}

/** A page of a person's visible notifications, latest activity first, after a cursor. */
export const listVisibleNotifications = (
  { db }: AppContext,
  { recipientId, after, limit }: { recipientId: string; after: readonly (string | number)[]; limit: number },
): Promise<VisibleNotification[]> =>
  db.query<VisibleNotification>(
    `select ${columns} ${fromVisibleNotifications} and n.recipient_id = :recipientId
       and ${isAfterCursor('n.latest_at', 'n.id')}
     order by n.latest_at desc, n.id desc limit :limit`,
    { recipientId, at: after[0], id: after[1], limit },
  )

/** The visible ones of these notifications. */
export const findVisibleNotifications = ({ db }: AppContext, ids: readonly string[]): Promise<VisibleNotification[]> =>
  db.query<VisibleNotification>(`select ${columns} ${fromVisibleNotifications} and n.id in (:ids)`, { ids })

/** Counts the unread notifications of several people in one query; returns a function from a person's id to their count. */
export async function countUnread(
  { db }: AppContext,
  recipientIds: readonly string[],
): Promise<(recipientId: string) => UnreadCount> {
  const rows = await db.query<{ recipientId: string; count: number }>(
    `select i.profile_id as "recipientId", cast(count(*) as integer) as count
     from notification_inboxes i cross join lateral (
       select ${fromVisibleNotifications} and n.recipient_id = i.profile_id and not n.is_read limit ${unreadCountMax + 1}
     ) as found
     where i.profile_id in (:recipientIds) group by i.profile_id`,
    { recipientIds },
  )
  const counts = new Map(rows.map(row => [row.recipientId, row.count]))
  return recipientId => {
    const count = counts.get(recipientId) ?? 0
    return { unreadCount: Math.min(count, unreadCountMax), hasMoreUnread: count > unreadCountMax }
  }
}

export function viewNotification(row: VisibleNotification): NotificationView {
  const { id, kind, actors, actorCount, at, read, trackId, title, commentId, body, positionMs } = row
  const isOfTrack = trackId !== null && title !== null
  const isOfComment = commentId !== null && body !== null && positionMs !== null
  return {
    ...{ id, kind, actors, actorCount, at: at.toISOString(), read },
    ...(isOfTrack ? { track: { id: trackId, title } } : {}),
    ...(isOfComment ? { comment: { id: commentId, body, positionMs } } : {}),
  }
}
