import { type Server } from 'socket.io'
import { rightsChannel, type Unsettled } from '../kernel/event'
import { type Engine } from '../kernel/engine'
import { type StreamFrame } from '../kernel/stream'
import { type Outlet } from './log/hub'
import { askRightsAgain } from './rights'

/** Sockets in this room receive no events until their send queue has drained; then they are told to `resync`. */
export const laggingRoom = 'lagging'

/** Subscriptions of this node over REST; the hub delivers their events itself. */
export interface OtherFollowers {
  askRightsAgain(revocation: Unsettled): Promise<void>
  restarted(channel: string): void
}

/** Delivers frames to the sockets of this node, then re-checks channel access for the events that can revoke it. */
export function socketOutlet(
  engine: Pick<Engine, 'world' | 'product'>,
  io: Server,
  others: () => OtherFollowers,
): Outlet {
  const { world, product } = engine
  const revocationOf = new Map<string, (data: unknown) => Unsettled>()
  for (const { name, unsettles } of product.events) if (unsettles !== undefined) revocationOf.set(name, unsettles)

  function recheckAfter({ channel, events }: StreamFrame): void {
    for (const { name, data } of events) {
      const revocation = revocationOf.get(name)?.(data)
      const appliesHere = channel === rightsChannel || revocation?.channel === channel
      if (revocation !== undefined && appliesHere) recheck(revocation)
    }
  }

  function recheck(revocation: Unsettled): void {
    void askRightsAgain(engine, io, revocation)
    void others().askRightsAgain(revocation)
  }

  return {
    deliver(frame) {
      io.local.to(frame.channel).except(laggingRoom).emit('events', frame)
      world.metrics.delivered.inc(frame.events.length)
      recheckAfter(frame)
    },
    restarted(channel) {
      io.local.to(channel).emit('resync', { channels: [channel] })
      others().restarted(channel)
      // Access revocations may have been lost with the log's tail: re-check every subscription.
      if (channel === rightsChannel) recheck({})
    },
  }
}
