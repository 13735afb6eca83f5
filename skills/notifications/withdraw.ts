import { type Context } from '../../kernel/context'
import { Inbox } from '../../models'
import { notificationWithdrawn } from './events'
import { type Cause } from './notify'
import { quietUntil } from './quiet'
import { shownByIds, unreadOf, viewNotification } from './shown'

/** Takes the actor out of a notification that is not yet read; one that was read stays as it was read. */
export async function withdraw(
  recipientId: string,
  { kind, actorId, targetId }: Pick<Cause, 'kind' | 'actorId' | 'targetId'>,
  { world, now, emit }: Context,
): Promise<void> {
  if ((await Inbox.findByPk(recipientId, { lock: true })) === null) return
  const names = { recipientId, kind, actorId, targetId, quietUntil: quietUntil(kind, now) }
  const [withdrawn] = await world.db.query<{ id: string }>(withdrawSql, names)
  if (withdrawn === undefined) return
  const [left] = await shownByIds(world, [withdrawn.id])
  const unread = await unreadOf(world, [recipientId])
  await emit(notificationWithdrawn, {
    recipientId,
    notificationId: withdrawn.id,
    notification: left === undefined ? null : viewNotification(left),
    ...unread(recipientId),
  })
}

/** The rest of a group is as recent as its latest actor, and read when the marker had passed them all. */
const withdrawSql = `
  with undone as (
    update notification_actors a
    set withdrawn = not n.is_read, quiet_until = greatest(a.quiet_until, cast(:quietUntil as timestamptz))
    from notifications n
    where n.recipient_id = :recipientId and n.kind = :kind and n.target_id = :targetId
      and a.notification_id = n.id and a.actor_id = :actorId and not a.withdrawn
    returning n.id, n.is_read
  ), rest as (
    select undone.id, max(a.at) as latest_at
    from undone
    left join notification_actors a on a.notification_id = undone.id and a.actor_id <> :actorId and not a.withdrawn
    where not undone.is_read group by undone.id
  )
  update notifications n
  set actor_count = n.actor_count - 1,
    latest_at = coalesce(rest.latest_at, n.latest_at),
    is_read = coalesce(rest.latest_at <= i.read_until, false)
  from rest, inboxes i
  where n.id = rest.id and i.profile_id = :recipientId
  returning n.id`
