import { type Engine } from '../kernel/engine'
import { type SocketCall } from './dispatch'

/** Binds every operation to a call of its name: the whole of the socket's API. */
export function operationCalls(engine: Engine): [string, SocketCall][] {
  return engine.product.operations.map(op => [
    op.name,
    async ({ input, key }, { actor, address, agent }, _socket, requestId) => {
      const outcome = await engine.perform('socket', op, { input, actor, address, agent, requestId, key })
      if ('refusal' in outcome) return { error: outcome.refusal.toProblem(requestId) }
      return { ...outcome.answer }
    },
  ])
}
