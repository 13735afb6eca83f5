import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { type Hold, type Hub } from './hub'

const retryMs = 500

/**
 * Holds a channel until released. When neither Redis nor PostgreSQL can say where it is, it is tried again; `onHeld` is told
 * once it is held. A node keeps one for every channel that somebody there follows, so it is small.
 */
export const keepHeld = (
  world: Pick<World, 'log'>,
  hub: Pick<Hub, 'hold'>,
  channel: string,
  onHeld?: () => void,
): Hold => {
  const kept = new Kept()
  void kept.begin(world, hub, channel, onHeld)
  return kept
}

class Kept implements Hold {
  private hold: Hold | undefined
  private isOver = false

  async begin(world: Pick<World, 'log'>, hub: Pick<Hub, 'hold'>, channel: string, onHeld?: () => void): Promise<void> {
    try {
      const hold = await hub.hold(channel)
      if (this.isOver) {
        hold.release()
        return
      }
      this.hold = hold
      onHeld?.()
    } catch (error) {
      world.log.warn({ channel, ...describeError(error) }, 'a channel could not be held')
      if (!this.isOver) setTimeout(() => void this.begin(world, hub, channel, onHeld), retryMs).unref()
    }
  }

  release(): void {
    this.isOver = true
    this.hold?.release()
  }
}
