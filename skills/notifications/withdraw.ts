import { type Context } from '../../kernel/context'
import { type Cause, revise } from './revise'

/** Withdraws the actor from an unread notification; a read one stays as it was. */
export const withdraw = (
  recipientId: string,
  cause: Pick<Cause, 'kind' | 'actorId' | 'targetId'>,
  context: Context,
): Promise<void> => revise({ came: [], undone: [{ ...cause, recipientId }] }, context)
