import { type Context } from '../../kernel/context'
import { type Cause, revise } from './revise'

/** Tells each recipient, and their devices, what somebody did. */
export const notify = (recipientIds: readonly string[], cause: Cause, context: Context): Promise<void> =>
  revise({ came: recipientIds.map(recipientId => ({ ...cause, recipientId })), undone: [] }, context)
