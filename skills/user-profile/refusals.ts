import { refusal } from '../../kernel/refusals'

export const handleTaken = refusal('handle_taken', 409, 'This handle is taken')
export const sessionUnnamed = refusal('session_unnamed', 409, 'Your token has no session id (sid)')
export const blockedByYou = refusal('blocked_by_you', 409, 'You block this user: unblock them first')
