import { io, type Socket } from 'socket.io-client'
import { type StreamFrame } from '../../kernel/stream'
import { type FollowerWish } from './follower'
import { digestOf } from './oracle'
import { Side } from './side'

/** A client of Socket.IO alone: it reconnects and rejoins its rooms by itself, and events sent meanwhile are lost. */
export class BareFollower {
  readonly sides: readonly Side[]
  readonly socket: Socket

  constructor(readonly wish: FollowerWish) {
    this.sides = wish.channels.map(channel => new Side(channel))
    const { urls, random, channels } = wish
    this.socket = io(random.pick(urls), {
      auth: { channels },
      transports: ['websocket'],
      forceNew: true,
      reconnectionDelay: 100,
      reconnectionDelayMax: 500,
    })
    this.socket.on('connect', () => {
      for (const side of this.sides) side.position ??= { epoch: 'bare', offset: 0 }
    })
    this.socket.on('events', ({ channel, events }: StreamFrame) => {
      const side = this.sides.find(candidate => candidate.channel === channel)
      for (const event of events) {
        side?.steps.push({ offset: event.offset, digest: digestOf({ ...event, at: '' }) })
        if (side !== undefined) side.deliveries += 1
      }
    })
  }

  async leave(): Promise<void> {
    this.socket.disconnect()
  }
}
