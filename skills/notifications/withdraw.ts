import { type Context } from '../../kernel/context'
import { type Cause, revise } from './revise'

/** Takes the actor out of a notification that is not yet read; one that was read stays as it was read. */
export const withdraw = (
  recipientId: string,
  cause: Pick<Cause, 'kind' | 'actorId' | 'targetId'>,
  context: Context,
): Promise<void> => revise({ came: [], undone: [{ ...cause, recipientId }] }, context)
