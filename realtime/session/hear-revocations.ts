import { revocation } from '../../kernel/revocation'
import { parse } from '../../kernel/schema'
import { type StreamFrame } from '../../kernel/stream'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { type Hub } from '../log/hub'
import { keepHeld } from '../log/keep-held'

/** Internal channel for the nodes only: carries `user-profile.sessionsEnded` of all profiles. */
export const sessionsChannel = 'control:sessions'

/**
 * Subscribes this node to session revocations, so that they apply right after their commit. Does not wait for the subscription: the
 * periodic re-check in `watchSessions` finds missed revocations.
 */
export function hearRevocations(world: World, hub: Pick<Hub, 'hold' | 'listen'>): Disposable {
  const subscription = keepHeld(world, hub, sessionsChannel, () => {
    hub.listen(sessionsChannel, frame => applyRevocations(world, frame))
    // Find revocations committed between the last check and the subscription.
    void world.revocations.check().catch(() => undefined)
  })
  return { [Symbol.dispose]: () => subscription.release() }
}

function applyRevocations(world: World, { events }: StreamFrame): void {
  for (const { data } of events)
    try {
      world.revocations.add([parse(revocation, data)])
    } catch (error) {
      world.log.warn(describeError(error), 'invalid session revocation')
    }
}
