import { type Engine } from '../kernel/engine'
import { type SocketCall } from './dispatch'

/** Makes every operation callable over a socket by its name. */
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
