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
  const { channelAccess } = pipeline.app
  const { allowedByName } = typeOf(pipeline.registry, channel)
  // Do not cache for actors with roles: the cache is keyed by profile, and a role may grant access that the profile lacks.
  const isCacheable = actor.roles.length === 0 && allowedByName !== true
  if (isCacheable && (await channelAccess.isGranted(channel, actor.id))) return
  await checkAccess(pipeline, channel, actor, requestId)
  if (isCacheable) await channelAccess.grant(channel, actor.id)
}

async function checkAccess(
  { app, registry }: Pick<Pipeline, 'app' | 'registry'>,
  channel: string,
  actor: Actor,
  requestId: string,
): Promise<void> {
  const [, id = ''] = channel.split(':')
  const type = typeOf(registry, channel)
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

function typeOf({ channels }: Pipeline['registry'], channel: string): AnyChannelType {
  const [kind] = channel.split(':')
  const type = channels.find(candidate => candidate.kind === kind)
  if (type === undefined) throw refusals.notFound()
  return type
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
