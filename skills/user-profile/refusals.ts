import { refusal } from '../../kernel/pipeline/refusals'

export const handleTaken = refusal('handle_taken', 409, 'This handle is taken')
export const sessionIdMissing = refusal('session_id_missing', 409, 'Your token has no session id (sid)')
export const blockedByYou = refusal('blocked_by_you', 409, 'You block this user: unblock them first')
