import { revocation } from '../../kernel/revocation'
import { parse } from '../../kernel/schema'
import { type StreamFrame } from '../../kernel/stream'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { type Hub } from '../log/hub'
import { keepHeld } from '../log/keep-held'

/** Carries `user-profile.sessionsEnded` of everybody; nobody but the nodes hears it. */
export const sessionsChannel = 'control:sessions'

/**
 * Has this node hear of ended sessions as they are committed. What it does not hear it finds at the next re-check, so that
 * neither the start nor anybody waits for this.
 */
export function hearRevocations(world: World, hub: Pick<Hub, 'hold' | 'listen'>): Disposable {
  const kept = keepHeld(world, hub, sessionsChannel, () => {
    hub.listen(sessionsChannel, frame => takeNote(world, frame))
    // What was committed between the last read and the hold.
    void world.revocations.check().catch(() => undefined)
  })
  return { [Symbol.dispose]: () => kept.release() }
}

function takeNote(world: World, { events }: StreamFrame): void {
  for (const { data } of events)
    try {
      world.revocations.add([parse(revocation, data)])
    } catch (error) {
      world.log.warn(describeError(error), 'an ended session was not understood')
    }
}
