import { type Context } from '../../kernel/context'
import { newId } from '../../kernel/ids'
import { blockBetween } from '../user-profile/views'
import { quietUntil } from './quiet'
import { type Act, type Revised } from './revise'

/**
 * Stores what people did; answers the notifications that are new or say more than before. Nobody is told of what they did
 * themselves or of somebody whom a block keeps from them. The same actor doing the same again is no news: what was withdrawn
 * and is not yet read comes back as it was, everything else stays as it is.
 */
export async function store(acts: readonly Act[], context: Context): Promise<Revised[]> {
  const turns = acts.length === 0 ? [] : await takeTurns(acts, context)
  if (turns.length === 0) return []
  const { world, now } = context
  const rows = turns.flatMap(({ n, at, later }) => {
    const act = acts[n]
    if (act === undefined) return []
    const { recipientId, kind, targetId, actorId, trackId = null, commentId = null } = act
    return {
      ...{ id: newId(now), recipient_id: recipientId, kind, target_id: targetId, actor_id: actorId },
      ...{ track_id: trackId, comment_id: commentId, at, later, quiet_until: quietUntil(kind, now) },
    }
  })
  return world.db.query<Revised>(storeSql, { acts: JSON.stringify(rows), now })
}

/** An act that is to be stored, and when it counts as done: so many acts of the group come `later` at that same instant. */
interface Turn {
  n: number
  at: Date
  later: number
}

/**
 * Locks the inboxes, in one order for all, and gives each group of acts the instant of its activity, later than any before.
 * A statement of its own: what the next one reads is as new as the locks.
 */
const takeTurns = (acts: readonly Act[], { world, now }: Context): Promise<Turn[]> => {
  const rows = acts.map(({ recipientId, actorId, kind, targetId }, n) => ({
    ...{ n, recipient_id: recipientId, actor_id: actorId, kind, target_id: targetId },
  }))
  return world.db.query<Turn>(takeTurnsSql, { acts: JSON.stringify(rows), now })
}

const takeTurnsSql = `
  with act as (
    select * from jsonb_to_recordset(cast(:acts as jsonb))
      as act (n integer, recipient_id uuid, actor_id uuid, kind text, target_id uuid)
  ), told as (
    select act.*, max(n) over (partition by recipient_id, kind, target_id) as last_n
    from act join profiles r on r.id = recipient_id join profiles a on a.id = actor_id
    where recipient_id <> actor_id and not ${blockBetween('act.recipient_id', 'act.actor_id')}
  ), turn as (
    select told.*, dense_rank() over (partition by recipient_id order by last_n desc) - 1 as before_last from told
  ), inbox as (
    insert into inboxes (profile_id, latest_at)
    select recipient_id, cast(:now as timestamptz) + max(before_last) * interval '1 millisecond'
    from turn group by recipient_id order by recipient_id
    on conflict (profile_id) do update set latest_at = greatest(excluded.latest_at,
      inboxes.latest_at + (excluded.latest_at - cast(:now as timestamptz)) + interval '1 millisecond')
    returning profile_id, latest_at
  )
  select n, latest_at - before_last * interval '1 millisecond' as at,
    cast(row_number() over (partition by recipient_id, kind, target_id order by n desc) - 1 as integer) as later
  from turn join inbox on profile_id = recipient_id order by n`

/**
 * SQL: the instant of an activity, which knows milliseconds, from when one of its actors acted. Those who act together have
 * one instant; below the millisecond stands which of them was later.
 */
export const activityAt = (at: string): string => `date_trunc('milliseconds', ${at} + interval '999 microseconds')`

/**
 * `told`: who knows of it already. `restored`: of those, whose notification comes back. `grouped` and `noted`: everybody
 * else gets one, or further actors in the one they have not read. A row can change only once in a statement: what comes
 * back and what is new are counted together.
 */
const storeSql = `
  with act as (
    select * from jsonb_to_recordset(cast(:acts as jsonb)) as act (id uuid, recipient_id uuid, kind text, target_id uuid,
      actor_id uuid, track_id uuid, comment_id uuid, at timestamptz, later integer, quiet_until timestamptz)
  ), told as (
    select act.recipient_id, act.kind, act.target_id, act.actor_id, n.id, a.withdrawn and not n.is_read as comes_back
    from act
    join notifications n on n.recipient_id = act.recipient_id and n.kind = act.kind and n.target_id = act.target_id
    join notification_actors a on a.notification_id = n.id and a.actor_id = act.actor_id
    where a.quiet_until > :now or not (a.withdrawn or n.is_read)
  ), restored as (
    update notification_actors a set withdrawn = false
    from told where a.notification_id = told.id and a.actor_id = told.actor_id and told.comes_back
    returning a.notification_id, a.at
  ), news as (
    select act.* from act
    where (recipient_id, kind, target_id, actor_id) not in (select recipient_id, kind, target_id, actor_id from told)
  ), said as (
    select id, recipient_id, kind, target_id, track_id, comment_id, at from news
    union all
    select n.id, n.recipient_id, n.kind, n.target_id, n.track_id, n.comment_id, ${activityAt('restored.at')}
    from restored join notifications n on n.id = restored.notification_id
  ), grouped as (
    insert into notifications (id, recipient_id, kind, target_id, track_id, comment_id, actor_count, latest_at)
    select (array_agg(id))[1], recipient_id, kind, target_id, track_id, comment_id, count(*), max(at)
    from said group by recipient_id, kind, target_id, track_id, comment_id
    on conflict (recipient_id, kind, target_id) where not is_read do update
      set actor_count = notifications.actor_count + excluded.actor_count,
        latest_at = greatest(notifications.latest_at, excluded.latest_at)
    returning id, recipient_id, kind, target_id
  ), noted as (
    insert into notification_actors (notification_id, actor_id, at, quiet_until)
    select grouped.id, actor_id, at - least(later, 999) * interval '1 microsecond', quiet_until
    from news join grouped using (recipient_id, kind, target_id)
    on conflict (notification_id, actor_id)
      do update set at = excluded.at, withdrawn = false, quiet_until = excluded.quiet_until
  )
  select id, recipient_id as "recipientId" from grouped`
