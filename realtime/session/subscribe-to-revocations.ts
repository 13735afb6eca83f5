import { revocation } from '../../kernel/platform/revocation'
import { parse } from '../../kernel/pipeline/schema'
import { type EventFrame } from '../../kernel/events/frames'
import { describeError } from '../../kernel/platform/log'
import { type AppContext } from '../../kernel/platform/app-context'
import { type Hub } from '../log/hub'
import { keepSubscription } from '../log/keep-subscription'

/** Internal channel for the nodes only: carries `user-profile.sessionsRevoked` of all profiles. */
export const revocationsChannel = 'control:sessions'

/**
 * Subscribes this node to session revocations, so that they apply right after their commit. Does not wait for the subscription: the
 * periodic re-check in `watchSessions` finds missed revocations.
 */
export function subscribeToRevocations(app: AppContext, hub: Pick<Hub, 'subscribe' | 'listen'>): Disposable {
  const subscription = keepSubscription(app, hub, revocationsChannel, () => {
    hub.listen(revocationsChannel, frame => applyRevocations(app, frame))
    // Find revocations committed between the last check and the subscription.
    void app.revocations.check().catch(() => undefined)
  })
  return { [Symbol.dispose]: () => subscription.release() }
}

function applyRevocations(app: AppContext, { events }: EventFrame): void {
  for (const { data } of events)
    try {
      app.revocations.add([parse(revocation, data)])
    } catch (error) {
      app.log.warn(describeError(error), 'invalid session revocation')
    }
}
