import { randomUUID } from 'node:crypto'
import { type Server, type Socket } from 'socket.io'
import { type Actor } from '../kernel/pipeline/actor'
import { type Context } from '../kernel/pipeline/context'
import { type AccessRevocation } from '../kernel/events/event'
import { type AnyChannelType } from '../kernel/events/channel'
import { type Pipeline } from '../kernel/pipeline/pipeline'
import { toRefusal } from '../kernel/pipeline/errors'
import { type Refusal, refusals } from '../kernel/pipeline/refusals'
import { followedChannels } from './calls/follow-calls'
import { callerOf } from './calls/call-dispatcher'

/** Parallel access checks of one re-check. */
const concurrency = 8

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
  const refused = await authoriseAll(pipeline, [channel], actor, requestId)
  if (refused.has(channel)) throw refused.get(channel)
}

/** `authorise` for several channels, with one Redis query. Returns the errors by channel instead of throwing them. */
export async function authoriseAll(
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
  const authoriseUncached = async (channel: string) => {
    try {
      await checkAccess(pipeline, channel, actor, requestId)
      if (isCacheable(channel)) await channelAccess.grant(channel, actor.id)
    } catch (error) {
      refused.set(channel, error)
    }
  }
  await Promise.all(channels.filter(channel => !granted.has(channel)).map(authoriseUncached))
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
  const refuse = async () => {
    throw new Error('an access check must not emit events, enqueue jobs or change counters')
  }
  const now = new Date(app.clock.now())
  const [address, agent] = [null, null]
  const context: Context<Actor> = {
    app,
    actor,
    requestId,
    now,
    ipAddress: address,
    userAgent: agent,
    emit: refuse,
    enqueue: refuse,
    changeCounter: refuse,
  }
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
  const checkNext = async () => {
    for (let next = checks.pop(); next !== undefined; next = checks.pop())
      await recheckOne(pipeline, next.socket, next.followed)
  }
  await Promise.all(Array.from({ length: concurrency }, checkNext))
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
