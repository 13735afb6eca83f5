import { type Context } from '../../kernel/pipeline/context'
import { newId } from '../../kernel/pipeline/new-id'
import { blockBetween } from '../user-profile/views'
import { coolDownUntil } from './cool-down'
import { type Activity, type ChangedNotification } from './activity'

/**
 * Stores activities and returns the notifications that are new or have a new actor. Leaves out people's own activities and
 * those across a block. A repeated activity of the same actor adds nothing: one that was withdrawn and is not yet read is
 * restored, everything else stays as it is.
 */
export async function storeActivities(
  activities: readonly Activity[],
  context: Context,
): Promise<ChangedNotification[]> {
  const assigned = activities.length === 0 ? [] : await assignInstants(activities, context)
  if (assigned.length === 0) return []
  const { app, now } = context
  const rows = assigned.flatMap(({ index, at, later }) => {
    const activity = activities[index]
    if (activity === undefined) return []
    const { recipientId, kind, targetId, actorId, trackId = null, commentId = null } = activity
    return {
      ...{ id: newId(now), recipient_id: recipientId, kind, target_id: targetId, actor_id: actorId },
      ...{ track_id: trackId, comment_id: commentId, at, later, cool_down_until: coolDownUntil(kind, now) },
    }
  })
  return app.db.query<ChangedNotification>(storeSql, { activities: JSON.stringify(rows), now })
}

/** The instant of `activities[index]`; `later` is how many activities of its group follow it at the same instant. */
interface AssignedInstant {
  index: number
  at: Date
  later: number
}

/**
 * Locks the inboxes in id order and assigns each group of activities an instant, later than any before in that inbox. A
 * statement of its own, so that the next one sees what was committed before the locks were granted. Leaves out activities
 * that do not notify.
 */
const assignInstants = (activities: readonly Activity[], { app, now }: Context): Promise<AssignedInstant[]> => {
  const rows = activities.map(({ recipientId, actorId, kind, targetId }, index) => ({
    ...{ index, recipient_id: recipientId, actor_id: actorId, kind, target_id: targetId },
  }))
  return app.db.query<AssignedInstant>(assignInstantsSql, { activities: JSON.stringify(rows), now })
}

const assignInstantsSql = `
  with activity as (
    select * from jsonb_to_recordset(cast(:activities as jsonb))
      as activity (index integer, recipient_id uuid, actor_id uuid, kind text, target_id uuid)
  ), allowed as (
    select activity.*, max(index) over (partition by recipient_id, kind, target_id) as last_index
    from activity join profiles r on r.id = recipient_id join profiles a on a.id = actor_id
    where recipient_id <> actor_id and not ${blockBetween('activity.recipient_id', 'activity.actor_id')}
  ), ranked as (
    select allowed.*, dense_rank() over (partition by recipient_id order by last_index desc) - 1 as groups_after from allowed
  ), inbox as (
    insert into notification_inboxes (profile_id, latest_at)
    select recipient_id, cast(:now as timestamptz) + max(groups_after) * interval '1 millisecond'
    from ranked group by recipient_id order by recipient_id
    on conflict (profile_id) do update set latest_at = greatest(excluded.latest_at,
      notification_inboxes.latest_at + (excluded.latest_at - cast(:now as timestamptz)) + interval '1 millisecond')
    returning profile_id, latest_at
  )
  select index, latest_at - groups_after * interval '1 millisecond' as at,
    cast(row_number() over (partition by recipient_id, kind, target_id order by index desc) - 1 as integer) as later
  from ranked join inbox on profile_id = recipient_id order by index`

/**
 * SQL: the instant of a notification from the `at` of its latest actor, rounded up to whole milliseconds. Actors stored in one
 * batch differ by microseconds before that instant, which keeps their order.
 */
export const toNotificationInstant = (at: string): string =>
  `date_trunc('milliseconds', ${at} + interval '999 microseconds')`

/**
 * `known`: activities whose actor is in the notification already, or in the cool-down. `restored`: those of them that were
 * withdrawn and whose notification is unread. `fresh`: activities that are not known; they get a notification, or a further
 * actor in the unread one (`grouped`, `added_actor`). A row can change only once in a statement, so restored and fresh
 * activities are counted together.
 */
const storeSql = `
  with activity as (
    select * from jsonb_to_recordset(cast(:activities as jsonb)) as activity (id uuid, recipient_id uuid, kind text,
      target_id uuid, actor_id uuid, track_id uuid, comment_id uuid, at timestamptz, later integer, cool_down_until timestamptz)
  ), known as (
    select activity.recipient_id, activity.kind, activity.target_id, activity.actor_id, n.id,
      a.withdrawn and not n.is_read as is_restored
    from activity
    join notifications n
      on n.recipient_id = activity.recipient_id and n.kind = activity.kind and n.target_id = activity.target_id
    join notification_actors a on a.notification_id = n.id and a.actor_id = activity.actor_id
    where a.cool_down_until > :now or not (a.withdrawn or n.is_read)
  ), restored as (
    update notification_actors a set withdrawn = false
    from known where a.notification_id = known.id and a.actor_id = known.actor_id and known.is_restored
    returning a.notification_id, a.at
  ), fresh as (
    select activity.* from activity
    where (recipient_id, kind, target_id, actor_id) not in (select recipient_id, kind, target_id, actor_id from known)
  ), counted as (
    select id, recipient_id, kind, target_id, track_id, comment_id, at from fresh
    union all
    select n.id, n.recipient_id, n.kind, n.target_id, n.track_id, n.comment_id, ${toNotificationInstant('restored.at')}
    from restored join notifications n on n.id = restored.notification_id
  ), grouped as (
    insert into notifications (id, recipient_id, kind, target_id, track_id, comment_id, actor_count, latest_at)
    select (array_agg(id))[1], recipient_id, kind, target_id, track_id, comment_id, count(*), max(at)
    from counted group by recipient_id, kind, target_id, track_id, comment_id
    on conflict (recipient_id, kind, target_id) where not is_read do update
      set actor_count = notifications.actor_count + excluded.actor_count,
        latest_at = greatest(notifications.latest_at, excluded.latest_at)
    returning id, recipient_id, kind, target_id
  ), added_actor as (
    insert into notification_actors (notification_id, actor_id, at, cool_down_until)
    select grouped.id, actor_id, at - least(later, 999) * interval '1 microsecond', cool_down_until
    from fresh join grouped using (recipient_id, kind, target_id)
    on conflict (notification_id, actor_id)
      do update set at = excluded.at, withdrawn = false, cool_down_until = excluded.cool_down_until
  )
  select id, recipient_id as "recipientId" from grouped`
