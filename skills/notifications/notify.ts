import { type Context } from '../../kernel/context'
import { type Cause, revise } from './revise'

/** Adds a notification about one activity for each recipient. */
export const notify = (recipientIds: readonly string[], cause: Cause, context: Context): Promise<void> =>
  revise({ came: recipientIds.map(recipientId => ({ ...cause, recipientId })), undone: [] }, context)
