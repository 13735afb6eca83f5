import { type Server } from 'socket.io'
import { type Product } from '../kernel/product'
import { type World } from '../kernel/world'
import { type Placed } from './event-order'
import { askRightsAgain } from './rights'

/**
 * Tells the sockets of this node what happened after place `at`, one frame for each channel; answers the new place. Whose
 * right to follow may be gone with it is asked once they have heard.
 */
export function deliver(world: World, product: Product, io: Server, at: string, events: readonly Placed[]): string {
  if (isGap(at, events)) {
    world.log.error({ at }, 'this node was away for too long: its sockets must come again')
    for (const socket of io.sockets.sockets.values()) socket.conn.close()
  }
  for (const [channel, frame] of byChannel(events)) io.local.to(channel).emit('events', { channel, events: frame })
  for (const { name, data } of events) {
    const unsettled = product.events.find(type => type.name === name)?.unsettles?.(data)
    if (unsettled !== undefined) void askRightsAgain({ world, product }, io, unsettled)
  }
  const now = world.clock.now()
  for (const { at } of events) world.metrics.deliveryLag.observe(Math.max(now - Date.parse(at), 0) / 1000)
  world.metrics.delivered.inc(events.length)
  return events.at(-1)?.position ?? at
}

/** Places have no gaps: one that is missing was forgotten before this node read it. */
const isGap = (at: string, events: readonly Placed[]): boolean => BigInt(events[0]?.position ?? 0) !== BigInt(at) + 1n

/** All events of a batch for one channel travel in one frame. */
function byChannel(events: readonly Placed[]): Map<string, object[]> {
  const frames = new Map<string, object[]>()
  for (const { id, name, at, data, channels } of events)
    for (const channel of channels) {
      const frame = frames.get(channel) ?? []
      frames.set(channel, frame)
      frame.push({ id, name, at, data })
    }
  return frames
}
