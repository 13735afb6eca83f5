import { type Context } from '../../kernel/context'
import { quietUntil } from './quiet'
import { type Act, type Revised } from './revise'
import { activityAt } from './store'

/**
 * Takes actors out of notifications that are not yet read; those that were read stay as they were read. Answers what is less
 * than before. The inboxes must be held.
 */
export async function undo(acts: readonly Act[], { world, now }: Context): Promise<Revised[]> {
  if (acts.length === 0) return []
  const rows = acts.map(({ recipientId, kind, targetId, actorId }) => ({
    ...{ recipient_id: recipientId, kind, target_id: targetId, actor_id: actorId },
    quiet_until: quietUntil(kind, now),
  }))
  return world.db.query<Revised>(undoSql, { acts: JSON.stringify(rows) })
}

/** The rest of a group is as recent as its latest actor, and read when the marker had passed them all. */
const undoSql = `
  with act as (
    select * from jsonb_to_recordset(cast(:acts as jsonb))
      as act (recipient_id uuid, kind text, target_id uuid, actor_id uuid, quiet_until timestamptz)
  ), undone as (
    update notification_actors a
    set withdrawn = not n.is_read, quiet_until = greatest(a.quiet_until, act.quiet_until)
    from act
    join notifications n on n.recipient_id = act.recipient_id and n.kind = act.kind and n.target_id = act.target_id
    where a.notification_id = n.id and a.actor_id = act.actor_id and not a.withdrawn
    returning n.id, n.is_read, a.actor_id
  ), lessened as (
    select id, count(*) as by from undone where not is_read group by id
  ), rest as (
    select lessened.id, lessened.by, ${activityAt('latest.at')} as latest_at
    from lessened left join lateral (
      select a.at from notification_actors a
      where a.notification_id = lessened.id and not a.withdrawn
        and not exists (select from undone u where u.id = a.notification_id and u.actor_id = a.actor_id)
      order by a.at desc limit 1
    ) as latest on true
  )
  update notifications n
  set actor_count = n.actor_count - rest.by,
    latest_at = coalesce(rest.latest_at, n.latest_at),
    is_read = coalesce(rest.latest_at <= i.read_until, false)
  from rest, inboxes i
  where n.id = rest.id and i.profile_id = n.recipient_id
  returning n.id, n.recipient_id as "recipientId"`
