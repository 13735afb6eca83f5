import { type Actor } from './actor'
import { type Context } from './context'
import { type AppContext } from '../platform/app-context'

export type Caller<A extends Actor | null> = Pick<Context<A>, 'actor' | 'requestId' | 'ipAddress' | 'userAgent'>

/** The context of a read outside a transaction: emitting events, enqueuing jobs and changing counters throws. */
export function createReadContext<A extends Actor | null>(app: AppContext, caller: Caller<A>): Context<A> {
  const { actor, requestId, ipAddress, userAgent } = caller
  const throwInRead = async () => {
    throw new Error('a read cannot emit events, enqueue jobs or change counters')
  }
  const now = new Date(app.clock.now())
  const writes = { emit: throwInRead, enqueue: throwInRead, changeCounter: throwInRead }
  return { app, actor, requestId, now, ipAddress, userAgent, ...writes }
}
