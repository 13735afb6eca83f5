import { type Pipeline } from '../../kernel/pipeline/pipeline'
import { type CallHandler } from './call-dispatcher'

/** Makes every operation callable over a socket by its name. */
export function operationCalls(pipeline: Pipeline): [string, CallHandler][] {
  return pipeline.registry.operations.map(op => [
    op.name,
    async ({ input, key }, { actor, ipAddress, userAgent }, _socket, requestId) => {
      const outcome = await pipeline.run('socket', op, {
        input,
        actor,
        ipAddress,
        userAgent,
        requestId,
        idempotencyKey: key,
      })
      if ('refusal' in outcome) return { error: outcome.refusal.toProblem(requestId) }
      return { ...outcome.answer }
    },
  ])
}
