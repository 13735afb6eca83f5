import { setTimeout as pause } from 'node:timers/promises'
import { type AccessRevocation } from '../kernel/events/event'
import { type Pipeline } from '../kernel/pipeline/pipeline'
import { drainingRefusal } from '../kernel/pipeline/refusals'
import { type StateFrame } from '../kernel/events/frames'
import { type Position } from '../kernel/events/position'
import {
  type ChannelStreamListener,
  type ChannelStreams,
  type ChannelStreamRequest,
} from '../kernel/events/channel-streams'
import { type ReadChannelState } from './calls/follow-calls'
import { type Hub } from './log/hub'
import { authorizeChannel, accessLost, recheckConcurrency } from './channel-access'
import { forEachConcurrently } from './for-each-concurrently'
import { type SessionWatcher } from './session/session-watcher'

/** Channel subscriptions over REST on this node. */
export interface NodeChannelStreams extends ChannelStreams {
  /** Re-checks channel access; closes the subscriptions that have lost it. Never rejects. */
  recheckAccess(revocation: AccessRevocation): Promise<void>
  /** Reports a new epoch of a channel. */
  channelRestarted(channel: string): void
  /** Refuses new subscriptions and tells all open ones to move to another node, spread over `spreadMs`. */
  moveAll(spreadMs: number): Promise<void>
}

export interface ChannelStreamsOptions {
  hub: Pick<Hub, 'subscribe' | 'catchUp' | 'listen'>
  sessions: Pick<SessionWatcher, 'watch'>
  readState: ReadChannelState
  /** Listens to the state frames of a channel on this node. Returns a function that stops it. */
  listenState: (channel: string, listener: (frame: StateFrame) => void) => () => void
}

/** Long-poll and server-sent events on the hub, with the same access checks, sessions, order and log as a socket. */
export function createChannelStreams(
  pipeline: Pipeline,
  { hub, sessions, readState, listenState }: ChannelStreamsOptions,
): NodeChannelStreams {
  const open = new Set<OpenStream>()
  let isDraining = false

  return {
    async open(request, listener) {
      if (isDraining) throw drainingRefusal()
      const { channel, after, actor, identity, requestId } = request
      const subscription = new OpenStream(request, listener)
      const close = () => {
        open.delete(subscription)
        subscription.close()
      }
      open.add(subscription)
      subscription.onClose(sessions.watch({ actor, ...identity }, refusal => subscription.end(refusal)))
      const read = async (position?: Position) => {
        const [caughtUp, state] = await Promise.all([hub.catchUp(channel, position), readState(channel)])
        return { ...caughtUp, state }
      }
      try {
        await authorizeChannel(pipeline, channel, actor, requestId)
        const hubSubscription = await hub.subscribe(channel)
        subscription.onClose(() => hubSubscription.release())
        // Listen before reading the log, so that no event is missed; duplicates are recognized by their offset.
        subscription.onClose(hub.listen(channel, frame => subscription.deliver(() => listener.onFrame(frame))))
        subscription.onClose(listenState(channel, frame => subscription.deliver(() => listener.onState(frame))))
        const first = await read(after)
        // Authorize again: an access revocation before the hub subscription did not reach this node.
        await authorizeChannel(pipeline, channel, actor, requestId)
        return { first, readAfter: read, close }
      } catch (error) {
        close()
        throw error
      }
    },

    async recheckAccess({ channel, profileId }) {
      const affected = [...open].filter(
        ({ request }) =>
          (channel === undefined || request.channel === channel) &&
          (profileId === undefined || request.actor.id === profileId),
      )
      await forEachConcurrently(affected, recheckConcurrency, async subscription => {
        const { channel: followed, actor, requestId } = subscription.request
        const refusal = await accessLost(pipeline, followed, actor, requestId)
        if (refusal !== undefined) subscription.end(refusal)
      })
    },

    channelRestarted(channel) {
      for (const { request, listener } of [...open]) if (request.channel === channel) listener.onEpochChanged()
    },

    async moveAll(spreadMs) {
      isDraining = true
      const notified = [...open].map(async ({ listener }, index, { length }) => {
        await pause((spreadMs * index) / length)
        listener.onDraining()
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
    readonly request: ChannelStreamRequest,
    readonly listener: ChannelStreamListener,
  ) {}

  /** Registers a clean-up; runs it at once when already closed. */
  onClose(closer: () => void): void {
    if (this.isClosed) closer()
    else this.closers.push(closer)
  }

  deliver(send: () => void): void {
    if (!this.isEnded) send()
  }

  end(refusal: Parameters<ChannelStreamListener['onClosed']>[0]): void {
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
