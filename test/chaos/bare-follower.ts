import { io, type Socket } from 'socket.io-client'
import { type EventFrame } from '../../kernel/events/frames'
import { type FollowerOptions } from './follower'
import { digestOf } from './oracle'
import { ChannelReplica } from './channel-replica'

/** A client of Socket.IO alone: it reconnects and rejoins its rooms by itself, and events sent meanwhile are lost. */
export class BareFollower {
  readonly replicas: readonly ChannelReplica[]
  readonly socket: Socket

  constructor(readonly options: FollowerOptions) {
    this.replicas = options.channels.map(channel => new ChannelReplica(channel))
    const { urls, random, channels } = options
    this.socket = io(random.pick(urls), {
      auth: { channels },
      transports: ['websocket'],
      forceNew: true,
      reconnectionDelay: 100,
      reconnectionDelayMax: 500,
    })
    this.socket.on('connect', () => {
      for (const side of this.replicas) side.position ??= { epoch: 'bare', offset: 0 }
    })
    this.socket.on('events', ({ channel, events }: EventFrame) => {
      const side = this.replicas.find(candidate => candidate.channel === channel)
      for (const event of events) {
        side?.steps.push({ offset: event.offset, digest: digestOf({ ...event, at: '' }) })
        if (side !== undefined) side.deliveries += 1
      }
    })
  }

  async close(): Promise<void> {
    this.socket.disconnect()
  }
}
