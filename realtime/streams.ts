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

/** Retry-After in seconds while the node drains: nginx finds another node by then. */
const retryAfterSeconds = 1

const concurrency = 8

/** Channel subscriptions over REST on this node. */
export interface NodeStreams extends Streams {
  /** Re-checks channel access; closes the subscriptions that have lost it. Never rejects. */
  askRightsAgain(revocation: Unsettled): Promise<void>
  /** Reports a new epoch of a channel. */
  restarted(channel: string): void
  /** Refuses new subscriptions and tells all open ones to move to another node, spread over `spreadMs`. */
  moveAll(spreadMs: number): Promise<void>
}

export interface StreamParts {
  hub: Pick<Hub, 'hold' | 'catchUp' | 'listen'>
  sessions: Pick<Sessions, 'watch'>
  stateOf: StateOf
  /** Listens to the state frames of a channel on this node. Returns a function that stops it. */
  listenState: (channel: string, listener: (frame: StateFrame) => void) => () => void
}

/** Long-poll and server-sent events on the hub, with the same access checks, sessions, order and log as a socket. */
export function openStreams(engine: Engine, { hub, sessions, stateOf, listenState }: StreamParts): NodeStreams {
  const open = new Set<OpenStream>()
  let isDraining = false

  return {
    async open(request, listener) {
      if (isDraining) throw refusals.moving(undefined, { retryAfter: retryAfterSeconds })
      const { channel, after, actor, identity, requestId } = request
      const subscription = new OpenStream(request, listener)
      const close = () => {
        open.delete(subscription)
        subscription.close()
      }
      open.add(subscription)
      subscription.onClose(sessions.watch({ actor, ...identity }, refusal => subscription.end(refusal)))
      const read = async (position?: Position) => {
        const [caughtUp, state] = await Promise.all([hub.catchUp(channel, position), stateOf(channel)])
        return { ...caughtUp, state }
      }
      try {
        await authorise(engine, channel, actor, requestId)
        const hubSubscription = await hub.hold(channel)
        subscription.onClose(() => hubSubscription.release())
        // Listen before reading the log, so that no event is missed; duplicates are recognized by their offset.
        subscription.onClose(hub.listen(channel, frame => subscription.deliver(() => listener.onFrame(frame))))
        subscription.onClose(listenState(channel, frame => subscription.deliver(() => listener.onState(frame))))
        const first = await read(after)
        // Authorize again: an access revocation before the hub subscription did not reach this node.
        await authorise(engine, channel, actor, requestId)
        return { first, more: read, close }
      } catch (error) {
        close()
        throw error
      }
    },

    async askRightsAgain({ channel, profileId }) {
      const affected = [...open].filter(
        ({ request }) =>
          (channel === undefined || request.channel === channel) &&
          (profileId === undefined || request.actor.id === profileId),
      )
      const recheckNext = async () => {
        for (let next = affected.pop(); next !== undefined; next = affected.pop()) {
          const { request } = next
          const refusal = await lostRight(engine, request.channel, request.actor, request.requestId)
          if (refusal !== undefined) next.end(refusal)
        }
      }
      await Promise.all(Array.from({ length: concurrency }, recheckNext))
    },

    restarted(channel) {
      for (const { request, listener } of [...open]) if (request.channel === channel) listener.onRestarted()
    },

    async moveAll(spreadMs) {
      isDraining = true
      const notified = [...open].map(async ({ listener }, index, { length }) => {
        await pause((spreadMs * index) / length)
        listener.onMoving()
      })
      await Promise.all(notified)
    },
  }
}

class OpenStream {
  private readonly closers: (() => void)[] = []
  private isEnded = false
  private isClosed = false

  constructor(
    readonly request: StreamWish,
    readonly listener: StreamEar,
  ) {}

  /** Registers a clean-up; runs it at once when already closed. */
  onClose(closer: () => void): void {
    if (this.isClosed) closer()
    else this.closers.push(closer)
  }

  deliver(send: () => void): void {
    if (!this.isEnded) send()
  }

  end(refusal: Parameters<StreamEar['onClosed']>[0]): void {
    if (this.isEnded) return
    this.isEnded = true
    this.listener.onClosed(refusal)
  }

  close(): void {
    this.isEnded = true
    this.isClosed = true
    for (const closer of this.closers.splice(0)) closer()
  }
}
