import { type Context } from '../../kernel/pipeline/context'
import { type Activity, applyChanges } from './apply-changes'

/** Adds a notification about one activity for each recipient. */
export const notify = (recipientIds: readonly string[], cause: Activity, context: Context): Promise<void> =>
  applyChanges({ added: recipientIds.map(recipientId => ({ ...cause, recipientId })), withdrawn: [] }, context)
