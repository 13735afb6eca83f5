import { type NotificationKind } from '../../models/notification'

const quietMs = 24 * 3_600_000

/**
 * Until when the same actor doing the same again is no news, counted from what they did and again from when they took it
 * back: pressing a button on and off shows at most once. What happens once in the life of a track is never news again.
 */
export const quietUntil = (kind: NotificationKind, now: Date): string =>
  kind === 'published' ? 'infinity' : new Date(now.getTime() + quietMs).toISOString()
