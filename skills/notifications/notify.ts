import { type Context } from '../../kernel/context'
import { newId } from '../../kernel/ids'
import { type NotificationKind } from '../../models/notification'
import { blockBetween } from '../user-profile/views'
import { notificationAdded } from './events'
import { quietUntil } from './quiet'
import { shownByIds, unreadOf, viewNotification } from './shown'

/** What somebody did that others are told of. Causes of one kind and target are one notification until it is read. */
export interface Cause {
  kind: NotificationKind
  actorId: string
  targetId: string
  trackId?: string
  commentId?: string
}

/**
 * Stores what happened for each recipient and tells their devices. Nobody is told of what they did themselves or of
 * somebody whom a block keeps from them. The same actor doing the same again is no news: what was withdrawn and is not
 * yet read comes back as it was, everything else stays as it is.
 */
export async function notify(recipientIds: readonly string[], cause: Cause, context: Context): Promise<void> {
  const turns = recipientIds.length === 0 ? [] : await takeTurns(recipientIds, cause, context)
  const stored = turns.length === 0 ? [] : await store(turns, cause, context)
  if (stored.length === 0) return
  const shown = await shownByIds(context.world, stored)
  const unread = await unreadOf(context.world, recipientIds)
  for (const row of shown) {
    const { recipientId } = row
    const notification = viewNotification(row)
    await context.emit(notificationAdded, { recipientId, notification, ...unread(recipientId) })
  }
}

interface Turn {
  recipientId: string
  at: Date
}

/** Locks the inboxes, in one order for all, and gives each the instant of its next activity, later than any before. */
const takeTurns = (recipientIds: readonly string[], { actorId }: Cause, { world, now }: Context): Promise<Turn[]> =>
  world.db.query<Turn>(
    `insert into inboxes (profile_id, latest_at)
     select p.id, :now from profiles p
     where p.id in (:recipientIds) and p.id <> :actorId and not ${blockBetween('p.id', ':actorId')}
     order by p.id
     on conflict (profile_id) do update
       set latest_at = greatest(excluded.latest_at, inboxes.latest_at + interval '1 millisecond')
     returning profile_id as "recipientId", latest_at as at`,
    { recipientIds, actorId, now },
  )

/** The ids of the notifications that are new or say more than before. */
async function store(turns: readonly Turn[], cause: Cause, { world, now }: Context): Promise<string[]> {
  const { kind, actorId, targetId, trackId = null, commentId = null } = cause
  const rows = turns.map(({ recipientId, at }) => ({ id: newId(now), recipient_id: recipientId, at }))
  const names = { kind, actorId, targetId, trackId, commentId, now, quietUntil: quietUntil(kind, now) }
  const stored = await world.db.query<{ id: string }>(storeSql, { turns: JSON.stringify(rows), ...names })
  return stored.map(({ id }) => id)
}

/**
 * `told`: who knows of it already. `restored`: of those, whose notification comes back. `grouped` and `noted`: everybody
 * else gets one, or one more actor in the one they have not read.
 */
const storeSql = `
  with turn as (
    select * from jsonb_to_recordset(cast(:turns as jsonb)) as turn (id uuid, recipient_id uuid, at timestamptz)
  ), told as (
    select n.recipient_id, n.id, a.withdrawn and not n.is_read as comes_back
    from turn
    join notifications n on n.recipient_id = turn.recipient_id and n.kind = :kind and n.target_id = :targetId
    join notification_actors a on a.notification_id = n.id and a.actor_id = :actorId
    where a.quiet_until > :now or not (a.withdrawn or n.is_read)
  ), restored as (
    update notification_actors a set withdrawn = false
    from told where a.notification_id = told.id and a.actor_id = :actorId and told.comes_back
    returning a.notification_id, a.at
  ), recounted as (
    update notifications n set actor_count = n.actor_count + 1, latest_at = greatest(n.latest_at, restored.at)
    from restored where n.id = restored.notification_id
    returning n.id
  ), grouped as (
    insert into notifications (id, recipient_id, kind, target_id, track_id, comment_id, actor_count, latest_at)
    select id, recipient_id, :kind, cast(:targetId as uuid), cast(:trackId as uuid), cast(:commentId as uuid), 1, at
    from turn where recipient_id not in (select recipient_id from told)
    on conflict (recipient_id, kind, target_id) where not is_read
      do update set actor_count = notifications.actor_count + 1, latest_at = excluded.latest_at
    returning id, latest_at
  ), noted as (
    insert into notification_actors (notification_id, actor_id, at, quiet_until)
    select id, cast(:actorId as uuid), latest_at, cast(:quietUntil as timestamptz) from grouped
    on conflict (notification_id, actor_id)
      do update set at = excluded.at, withdrawn = false, quiet_until = excluded.quiet_until
  )
  select id from recounted union all select id from grouped`
