import { describeError } from '../../kernel/platform/log'
import { type AppContext } from '../../kernel/platform/app-context'
import { type Subscription, type Hub } from './hub'

const retryMs = 500

/**
 * Subscribes the node to a channel until released, and retries while neither Redis nor PostgreSQL can be read; `onSubscribed` is called once
 * subscribed. A node has one per followed channel, so it is small.
 */
export const keepSubscription = (
  app: Pick<AppContext, 'log'>,
  hub: Pick<Hub, 'subscribe'>,
  channel: string,
  onSubscribed?: () => void,
): Subscription => {
  const subscription = new RetriedSubscription()
  void subscription.begin(app, hub, channel, onSubscribed)
  return subscription
}

class RetriedSubscription implements Subscription {
  private subscription: Subscription | undefined
  private isReleased = false

  async begin(
    app: Pick<AppContext, 'log'>,
    hub: Pick<Hub, 'subscribe'>,
    channel: string,
    onSubscribed?: () => void,
  ): Promise<void> {
    try {
      const subscription = await hub.subscribe(channel)
      if (this.isReleased) {
        subscription.release()
        return
      }
      this.subscription = subscription
      onSubscribed?.()
    } catch (error) {
      app.log.warn({ channel, ...describeError(error) }, 'could not subscribe to a channel, will retry')
      if (!this.isReleased) setTimeout(() => void this.begin(app, hub, channel, onSubscribed), retryMs).unref()
    }
  }

  release(): void {
    this.isReleased = true
    this.subscription?.release()
  }
}
