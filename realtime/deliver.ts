import { type Server } from 'socket.io'
import { rightsChannel, type Unsettled } from '../kernel/event'
import { type Engine } from '../kernel/engine'
import { type StreamFrame } from '../kernel/stream'
import { type Outlet } from './log/hub'
import { askRightsAgain } from './rights'

/** Sockets in this room hear no events until they have drained what they were sent: they then come back for them. */
export const laggingRoom = 'lagging'

/** Those of this node who follow without a socket: the hub tells them what happened itself. */
export interface OtherFollowers {
  askRightsAgain(doubtful: Unsettled): Promise<void>
  restarted(channel: string): void
}

/** Tells the sockets of this node what happened; whose right to follow may be gone with it is asked once they have heard. */
export function socketOutlet(
  engine: Pick<Engine, 'world' | 'product'>,
  io: Server,
  others: () => OtherFollowers,
): Outlet {
  const { world, product } = engine
  const unsettling = new Map<string, (data: unknown) => Unsettled>()
  for (const { name, unsettles } of product.events) if (unsettles !== undefined) unsettling.set(name, unsettles)

  function settleRights({ channel, events }: StreamFrame): void {
    for (const { name, data } of events) {
      const doubtful = unsettling.get(name)?.(data)
      const isHere = channel === rightsChannel || doubtful?.channel === channel
      if (doubtful !== undefined && isHere) askAgain(doubtful)
    }
  }

  function askAgain(doubtful: Unsettled): void {
    void askRightsAgain(engine, io, doubtful)
    void others().askRightsAgain(doubtful)
  }

  return {
    deliver(frame) {
      io.local.to(frame.channel).except(laggingRoom).emit('events', frame)
      world.metrics.delivered.inc(frame.events.length)
      settleRights(frame)
    },
    restarted(channel) {
      io.local.to(channel).emit('resync', { channels: [channel] })
      others().restarted(channel)
      // What was said there meanwhile is lost: any right may be in doubt.
      if (channel === rightsChannel) askAgain({})
    },
  }
}
