import { type Context } from '../../kernel/pipeline/context'
import { type Activity, applyChanges } from './apply-changes'

/** Withdraws the actor from an unread notification; a read one stays as it was. */
export const withdraw = (
  recipientId: string,
  cause: Pick<Activity, 'kind' | 'actorId' | 'targetId'>,
  context: Context,
): Promise<void> => applyChanges({ added: [], withdrawn: [{ ...cause, recipientId }] }, context)
