import { type Context } from '../../kernel/pipeline/context'
import { coolDownUntil } from './cool-down'
import { type Activity, type ChangedNotification } from './activity'
import { toNotificationInstant } from './store-activities'

/**
 * Withdraws actors from unread notifications; read ones stay as they were. Returns the notifications that have fewer actors.
 * The caller holds the locks of the inboxes.
 */
export async function withdrawActivities(
  activities: readonly Activity[],
  { app, now }: Context,
): Promise<ChangedNotification[]> {
  if (activities.length === 0) return []
  const rows = activities.map(({ recipientId, kind, targetId, actorId }) => ({
    ...{ recipient_id: recipientId, kind, target_id: targetId, actor_id: actorId },
    cool_down_until: coolDownUntil(kind, now),
  }))
  return app.db.query<ChangedNotification>(withdrawSql, { activities: JSON.stringify(rows) })
}

/** The notification takes the instant of its latest remaining actor, and is read if the read marker is past that. */
const withdrawSql = `
  with activity as (
    select * from jsonb_to_recordset(cast(:activities as jsonb))
      as activity (recipient_id uuid, kind text, target_id uuid, actor_id uuid, cool_down_until timestamptz)
  ), withdrawn as (
    update notification_actors a
    set withdrawn = not n.is_read, cool_down_until = greatest(a.cool_down_until, activity.cool_down_until)
    from activity
    join notifications n
      on n.recipient_id = activity.recipient_id and n.kind = activity.kind and n.target_id = activity.target_id
    where a.notification_id = n.id and a.actor_id = activity.actor_id and not a.withdrawn
    returning n.id, n.is_read, a.actor_id
  ), decreased as (
    select id, count(*) as actors from withdrawn where not is_read group by id
  ), remaining as (
    select decreased.id, decreased.actors, ${toNotificationInstant('latest.at')} as latest_at
    from decreased left join lateral (
      select a.at from notification_actors a
      where a.notification_id = decreased.id and not a.withdrawn
        and not exists (select from withdrawn w where w.id = a.notification_id and w.actor_id = a.actor_id)
      order by a.at desc limit 1
    ) as latest on true
  )
  update notifications n
  set actor_count = n.actor_count - remaining.actors,
    latest_at = coalesce(remaining.latest_at, n.latest_at),
    is_read = coalesce(remaining.latest_at <= i.read_until, false)
  from remaining, notification_inboxes i
  where n.id = remaining.id and i.profile_id = n.recipient_id
  returning n.id, n.recipient_id as "recipientId"`
