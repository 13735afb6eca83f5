import { setTimeout as pause } from 'node:timers/promises'
import { type Unsettled } from '../kernel/event'
import { type Engine } from '../kernel/engine'
import { refusals } from '../kernel/refusals'
import { type Position, type StateFrame } from '../kernel/stream'
import { type StreamEar, type Streams, type StreamWish } from '../kernel/streams'
import { type StateOf } from './channels'
import { type Hub } from './log/hub'
import { authorise, lostRight } from './rights'
import { type Sessions } from './session/watch-sessions'

/** Who is turned away because the node ends should find another one by then. */
const comeBackAfterS = 1

const questionsAtOnce = 8

/** The channels that are followed without a socket, on this node. */
export interface NodeStreams extends Streams {
  /** As for sockets: those who may follow no longer are told and closed. Never rejects. */
  askRightsAgain(doubtful: Unsettled): Promise<void>
  /** The epoch of a channel changed. */
  restarted(channel: string): void
  /** This node goes away: nobody is let in any more, and all are told, each at a moment of their own. */
  moveAll(spreadMs: number): Promise<void>
}

export interface StreamParts {
  hub: Pick<Hub, 'hold' | 'catchUp' | 'listen'>
  sessions: Pick<Sessions, 'watch'>
  stateOf: StateOf
  /** Hears the frames of a channel's state on this node. Call what it answers to hear no more. */
  listenState: (channel: string, listener: (frame: StateFrame) => void) => () => void
}

/** Long-polls and server-sent events on the hub: the same rights, sessions, order and log as a socket has. */
export function openStreams(engine: Engine, { hub, sessions, stateOf, listenState }: StreamParts): NodeStreams {
  const open = new Set<Following>()
  let isMoving = false

  return {
    async open(wish, ear) {
      if (isMoving) throw refusals.moving(undefined, { retryAfter: comeBackAfterS })
      const { channel, after, actor, identity, requestId } = wish
      const following = new Following(wish, ear)
      const close = () => {
        open.delete(following)
        following.close()
      }
      open.add(following)
      following.onClose(sessions.watch({ actor, ...identity }, refusal => following.end(refusal)))
      const read = async (place?: Position) => {
        const [caught, state] = await Promise.all([hub.catchUp(channel, place), stateOf(channel)])
        return { ...caught, state }
      }
      try {
        await authorise(engine, channel, actor, requestId)
        const hold = await hub.hold(channel)
        following.onClose(() => hold.release())
        // First the ear, then the log: what happens between the two is heard twice, which an offset shows, and not never.
        following.onClose(hub.listen(channel, frame => following.hear(() => ear.onFrame(frame))))
        following.onClose(listenState(channel, frame => following.hear(() => ear.onState(frame))))
        const first = await read(after)
        // A right that was lost before this node heard of it for this channel is asked for here.
        await authorise(engine, channel, actor, requestId)
        return { first, more: read, close }
      } catch (error) {
        close()
        throw error
      }
    },

    async askRightsAgain({ channel, profileId }) {
      const doubtful = [...open].filter(
        ({ wish }) =>
          (channel === undefined || wish.channel === channel) &&
          (profileId === undefined || wish.actor.id === profileId),
      )
      const askSome = async () => {
        for (let next = doubtful.pop(); next !== undefined; next = doubtful.pop()) {
          const { wish } = next
          const refusal = await lostRight(engine, wish.channel, wish.actor, wish.requestId)
          if (refusal !== undefined) next.end(refusal)
        }
      }
      await Promise.all(Array.from({ length: questionsAtOnce }, askSome))
    },

    restarted(channel) {
      for (const { wish, ear } of [...open]) if (wish.channel === channel) ear.onRestarted()
    },

    async moveAll(spreadMs) {
      isMoving = true
      const told = [...open].map(async ({ ear }, index, { length }) => {
        await pause((spreadMs * index) / length)
        ear.onMoving()
      })
      await Promise.all(told)
    },
  }
}

class Following {
  private readonly closers: (() => void)[] = []
  private isEnded = false
  private isClosed = false

  constructor(
    readonly wish: StreamWish,
    readonly ear: StreamEar,
  ) {}

  /** What is opened after it was closed is closed at once. */
  onClose(closer: () => void): void {
    if (this.isClosed) closer()
    else this.closers.push(closer)
  }

  hear(tell: () => void): void {
    if (!this.isEnded) tell()
  }

  end(refusal: Parameters<StreamEar['onClosed']>[0]): void {
    if (this.isEnded) return
    this.isEnded = true
    this.ear.onClosed(refusal)
  }

  close(): void {
    this.isEnded = true
    this.isClosed = true
    for (const closer of this.closers.splice(0)) closer()
  }
}
