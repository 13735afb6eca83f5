import { type Server } from 'socket.io'
import { accessChannel, type AccessRevocation } from '../kernel/events/event'
import { type Pipeline } from '../kernel/pipeline/pipeline'
import { type EventFrame } from '../kernel/events/frames'
import { type EventSink } from './log/hub'
import { recheckAccess } from './channel-access'
import { laggingRoom } from './connection/slow-followers'

/** Subscriptions of this node over REST; the hub delivers their events itself. */
export interface RestSubscriptions {
  recheckAccess(revocation: AccessRevocation): Promise<void>
  channelRestarted(channel: string): void
}

/** Delivers frames to the sockets of this node, then re-checks channel access for the events that can revoke it. */
export function createSocketEventSink(
  pipeline: Pick<Pipeline, 'app' | 'registry'>,
  io: Server,
  others: () => RestSubscriptions,
): EventSink {
  const { app, registry } = pipeline
  const revocationOf = new Map<string, (data: unknown) => AccessRevocation>()
  for (const { name, revokesAccess } of registry.events)
    if (revokesAccess !== undefined) revocationOf.set(name, revokesAccess)

  function recheckAfter({ channel, events }: EventFrame): void {
    for (const { name, data } of events) {
      const revocation = revocationOf.get(name)?.(data)
      const appliesHere = channel === accessChannel || revocation?.channel === channel
      if (revocation !== undefined && appliesHere) recheck(revocation)
    }
  }

  function recheck(revocation: AccessRevocation): void {
    void recheckAccess(pipeline, io, revocation)
    void others().recheckAccess(revocation)
  }

  return {
    deliver(frame) {
      io.local.to(frame.channel).except(laggingRoom).emit('events', frame)
      app.metrics.eventsDelivered.inc(frame.events.length)
      recheckAfter(frame)
    },
    channelRestarted(channel) {
      io.local.to(channel).emit('resync', { channels: [channel] })
      others().channelRestarted(channel)
      // Access revocations may have been lost with the log's tail: re-check every subscription.
      if (channel === accessChannel) recheck({})
    },
  }
}
