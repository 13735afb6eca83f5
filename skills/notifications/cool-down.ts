import { type NotificationKind } from '../../models/notification'

const coolDownMs = 24 * 3_600_000

/**
 * The end of the cool-down, within which the same actor repeating the same action does not notify again. It starts with the
 * action, and starts again when the action is withdrawn, so that toggling a like notifies at most once in that time. A
 * publication never notifies again.
 */
export const coolDownUntil = (kind: NotificationKind, now: Date): string =>
  kind === 'published' ? 'infinity' : new Date(now.getTime() + coolDownMs).toISOString()
