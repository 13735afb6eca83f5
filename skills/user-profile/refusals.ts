import { refusal } from '../../kernel/refusals'

export const handleTaken = refusal('handle_taken', 409, 'Somebody else has this handle')
export const sessionUnnamed = refusal('session_unnamed', 409, 'Your token names no session that could go on')
export const blockedByYou = refusal('blocked_by_you', 409, 'You have blocked this person: unblock them first')
