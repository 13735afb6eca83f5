import { type Context } from '../../kernel/pipeline/context'
import { notificationAdded, notificationWithdrawn } from './events'
import { findVisibleNotifications, countUnread, viewNotification } from './views'

/** Only the newest notifications are republished; older ones are correct when they are listed again. */
const republishedMax = 100

/** The recipient's notifications about an actor, about a track, or about an artist's followers-only tracks. */
interface Selection {
  recipientId: string
  about: { actorId: string } | { trackId: string } | { followersOnlyTracksOf: string }
  /** Hidden notifications may be visible again. */
  mayReappear?: boolean
}

/**
 * Emits the selected notifications as the recipient sees them now: as `notificationWithdrawn`, with what is left of them, or if
 * `mayReappear` as `notificationAdded`.
 */
export async function republishNotifications(
  { recipientId, about, mayReappear = false }: Selection,
  context: Context,
): Promise<void> {
  const { app, emit } = context
  // Lock the inbox, as every change of a person's notifications does, so that the emitted state is current. Create it if it
  // is missing, so that a concurrent first notification waits for this transaction.
  await app.db.query(lockInboxSql, { recipientId })
  const ids = await selectIds(recipientId, about, context)
  if (ids.length === 0) return
  const visible = new Map((await findVisibleNotifications(app, ids)).map(row => [row.id, viewNotification(row)]))
  const unread = (await countUnread(app, [recipientId]))(recipientId)
  for (const notificationId of ids) {
    const notification = visible.get(notificationId) ?? null
    if (!mayReappear) await emit(notificationWithdrawn, { recipientId, notificationId, notification, ...unread })
    else if (notification !== null) await emit(notificationAdded, { recipientId, notification, ...unread })
  }
}

async function selectIds(recipientId: string, about: Selection['about'], { app }: Context): Promise<string[]> {
  const condition =
    'trackId' in about
      ? 'n.track_id = :trackId'
      : 'followersOnlyTracksOf' in about
        ? `n.track_id in (select id from tracks where owner_id = :followersOnlyTracksOf and visibility = 'followers')`
        : 'exists (select from notification_actors a where a.notification_id = n.id and a.actor_id = :actorId and not a.withdrawn)'
  const rows = await app.db.query<{ id: string }>(
    `select n.id from notifications n where n.recipient_id = :recipientId and n.actor_count > 0 and ${condition}
     order by n.latest_at desc, n.id desc limit ${republishedMax}`,
    { recipientId, ...about },
  )
  return rows.map(({ id }) => id)
}

const lockInboxSql = `
  insert into notification_inboxes (profile_id, latest_at) values (:recipientId, to_timestamp(0))
  on conflict (profile_id) do update set latest_at = notification_inboxes.latest_at returning profile_id`
