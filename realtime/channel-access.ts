import { randomUUID } from 'node:crypto'
import { type Server, type Socket } from 'socket.io'
import { type Actor } from '../kernel/pipeline/actor'
import { createReadContext } from '../kernel/pipeline/read-context'
import { type AccessRevocation } from '../kernel/events/event'
import { type AnyChannelType } from '../kernel/events/channel'
import { type Pipeline } from '../kernel/pipeline/pipeline'
import { toRefusal } from '../kernel/pipeline/errors'
import { type Refusal, refusals } from '../kernel/pipeline/refusals'
import { callerOf } from './connection/socket-data'
import { followedChannels } from './followed-channels'
import { forEachConcurrently } from './for-each-concurrently'

/** Parallel access checks of one re-check. */
export const recheckConcurrency = 8

/**
 * Checks that an actor may follow a channel. A positive result is cached in Redis for some minutes, until an event with
 * `revokesAccess` invalidates it.
 * @throws `not_found` for a channel that does not exist or that the actor may not know of; `forbidden`.
 */
export async function authorizeChannel(
  pipeline: Pick<Pipeline, 'app' | 'registry'>,
  channel: string,
  actor: Actor,
  requestId: string,
): Promise<void> {
  const refused = await authorizeChannels(pipeline, [channel], actor, requestId)
  if (refused.has(channel)) throw refused.get(channel)
}

/** `authorizeChannel` for several channels, with one Redis query. Returns the errors by channel instead of throwing them. */
export async function authorizeChannels(
  pipeline: Pick<Pipeline, 'app' | 'registry'>,
  channels: readonly string[],
  actor: Actor,
  requestId: string,
): Promise<Map<string, unknown>> {
  const { channelAccess } = pipeline.app
  // Do not cache for actors with roles: the cache is keyed by profile, and a role may grant access that the profile lacks.
  const isCacheable = (channel: string) =>
    actor.roles.length === 0 && typeOf(pipeline.registry, channel)?.allowedByName !== true
  const granted = await channelAccess.grantedOf(channels.filter(isCacheable), actor.id)
  const refused = new Map<string, unknown>()
  const authorizeUncached = async (channel: string) => {
    try {
      await checkAccess(pipeline, channel, actor, requestId)
      if (isCacheable(channel)) await channelAccess.grant(channel, actor.id)
    } catch (error) {
      refused.set(channel, error)
    }
  }
  await Promise.all(channels.filter(channel => !granted.has(channel)).map(authorizeUncached))
  return refused
}

async function checkAccess(
  { app, registry }: Pick<Pipeline, 'app' | 'registry'>,
  channel: string,
  actor: Actor,
  requestId: string,
): Promise<void> {
  const [, id = ''] = channel.split(':')
  const type = typeOf(registry, channel)
  if (type === undefined) throw refusals.notFound()
  const context = createReadContext(app, { actor, requestId, ipAddress: null, userAgent: null })
  const subject = await type.load(id, context)
  if (!type.allow(actor, subject)) throw refusals.forbidden()
}

function typeOf({ channels }: Pipeline['registry'], channel: string): AnyChannelType | undefined {
  const kind = channel.slice(0, channel.indexOf(':'))
  return channels.find(candidate => candidate.kind === kind)
}

/** Checks access without the cache; returns the refusal, or undefined when the actor may follow. */
export async function accessLost(
  pipeline: Pick<Pipeline, 'app' | 'registry'>,
  channel: string,
  actor: Actor,
  requestId: string,
): Promise<Refusal | undefined> {
  try {
    await checkAccess(pipeline, channel, actor, requestId)
    return undefined
  } catch (error) {
    return toRefusal(error)
  }
}

/**
 * Re-checks access of this node's sockets to the channels they follow; removes those without access from the channel and sends
 * them `channel.closed`. Never rejects.
 */
export async function recheckAccess(
  pipeline: Pick<Pipeline, 'app' | 'registry'>,
  io: Server,
  { channel, profileId }: AccessRevocation,
): Promise<void> {
  const sockets = [...io.sockets.sockets.values()].filter(
    socket => profileId === undefined || callerOf(socket).actor.id === profileId,
  )
  const checks = sockets.flatMap(socket =>
    followedChannels(socket)
      .filter(followed => channel === undefined || followed === channel)
      .map(followed => ({ socket, followed })),
  )
  await forEachConcurrently(checks, recheckConcurrency, ({ socket, followed }) =>
    recheckOne(pipeline, socket, followed),
  )
}

async function recheckOne(
  pipeline: Pick<Pipeline, 'app' | 'registry'>,
  socket: Socket,
  channel: string,
): Promise<void> {
  const requestId = randomUUID()
  const refusal = await accessLost(pipeline, channel, callerOf(socket).actor, requestId)
  if (refusal === undefined) return
  // The check itself failed: close the transport, so that the client reconnects and is checked when it follows again.
  if (refusal.kind.status >= 500) socket.conn.close()
  await socket.leave(channel)
  pipeline.app.metrics.channelsClosed.inc({ code: refusal.kind.code })
  socket.emit('channel.closed', { channel, problem: refusal.toProblem(requestId) })
}
