import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { type Hold, type Hub } from './hub'

const retryMs = 500

/**
 * Subscribes the node to a channel until released, and retries while neither Redis nor PostgreSQL can be read; `onHeld` is called once
 * subscribed. A node has one per followed channel, so it is small.
 */
export const keepHeld = (
  world: Pick<World, 'log'>,
  hub: Pick<Hub, 'hold'>,
  channel: string,
  onHeld?: () => void,
): Hold => {
  const subscription = new RetriedSubscription()
  void subscription.begin(world, hub, channel, onHeld)
  return subscription
}

class RetriedSubscription implements Hold {
  private subscription: Hold | undefined
  private isReleased = false

  async begin(world: Pick<World, 'log'>, hub: Pick<Hub, 'hold'>, channel: string, onHeld?: () => void): Promise<void> {
    try {
      const subscription = await hub.hold(channel)
      if (this.isReleased) {
        subscription.release()
        return
      }
      this.subscription = subscription
      onHeld?.()
    } catch (error) {
      world.log.warn({ channel, ...describeError(error) }, 'could not subscribe to a channel, will retry')
      if (!this.isReleased) setTimeout(() => void this.begin(world, hub, channel, onHeld), retryMs).unref()
    }
  }

  release(): void {
    this.isReleased = true
    this.subscription?.release()
  }
}
