import { type Context } from '../../kernel/context'
import { notificationAdded, notificationWithdrawn } from './events'
import { shownByIds, unreadOf, viewNotification } from './shown'

/** So many are told anew, the newest; what lies further down is right when it is read the next time. */
const reshownMax = 100

/** What has changed for somebody, besides their notifications: whom they are shown, or a track that is gone, or whose follower they are. */
interface Reason {
  recipientId: string
  about: { actorId: string } | { trackId: string } | { forFollowersOf: string }
  /** Whether what was hidden may be there again. */
  isBack?: boolean
}

/** Tells somebody what is left of those of their notifications that speak of an actor or of such a track, as they are shown now. */
export async function reshow({ recipientId, about, isBack = false }: Reason, context: Context): Promise<void> {
  const { world, emit } = context
  // Every change of somebody's notifications holds their inbox: what is told is as of this moment. It is made if need be, so
  // that whoever is about to tell them for the first time is waited for.
  await world.db.query(holdInbox, { recipientId })
  const ids = await idsOf(recipientId, about, context)
  if (ids.length === 0) return
  const shown = new Map((await shownByIds(world, ids)).map(row => [row.id, viewNotification(row)]))
  const unread = (await unreadOf(world, [recipientId]))(recipientId)
  for (const notificationId of ids) {
    const notification = shown.get(notificationId) ?? null
    if (!isBack) await emit(notificationWithdrawn, { recipientId, notificationId, notification, ...unread })
    else if (notification !== null) await emit(notificationAdded, { recipientId, notification, ...unread })
  }
}

async function idsOf(recipientId: string, about: Reason['about'], { world }: Context): Promise<string[]> {
  const which =
    'trackId' in about
      ? 'n.track_id = :trackId'
      : 'forFollowersOf' in about
        ? `n.track_id in (select id from tracks where owner_id = :forFollowersOf and visibility = 'followers')`
        : 'exists (select from notification_actors a where a.notification_id = n.id and a.actor_id = :actorId and not a.withdrawn)'
  const rows = await world.db.query<{ id: string }>(
    `select n.id from notifications n where n.recipient_id = :recipientId and n.actor_count > 0 and ${which}
     order by n.latest_at desc, n.id desc limit ${reshownMax}`,
    { recipientId, ...about },
  )
  return rows.map(({ id }) => id)
}

const holdInbox = `
  insert into inboxes (profile_id, latest_at) values (:recipientId, to_timestamp(0))
  on conflict (profile_id) do update set latest_at = inboxes.latest_at returning profile_id`
