import { randomUUID } from 'node:crypto'
import { type Server, type Socket } from 'socket.io'
import { type Actor } from '../kernel/actor'
import { type Context } from '../kernel/context'
import { type AnyChannelType, type Unsettled } from '../kernel/event'
import { type Engine } from '../kernel/engine'
import { toRefusal } from '../kernel/faults'
import { type Refusal, refusals } from '../kernel/refusals'
import { channelsOf } from './channels'
import { callerOf } from './dispatch'

/** So many questions at a time, however many follow. */
const concurrency = 8

/**
 * Whether somebody may follow a channel. Who was found to may again for some minutes without a look at PostgreSQL, unless
 * an event has put the right in doubt since.
 * @throws `not_found` for a channel that is not there or that the actor may not know of, `forbidden`.
 */
export async function authorise(
  engine: Pick<Engine, 'world' | 'product'>,
  channel: string,
  actor: Actor,
  requestId: string,
): Promise<void> {
  const { rights } = engine.world
  const { byNameAlone } = typeOf(engine.product, channel)
  // A role may give rights that the person has not.
  const isRemembered = actor.roles.length === 0 && byNameAlone !== true
  if (isRemembered && (await rights.isGranted(channel, actor.id))) return
  await ask(engine, channel, actor, requestId)
  if (isRemembered) await rights.grant(channel, actor.id)
}

async function ask(
  { world, product }: Pick<Engine, 'world' | 'product'>,
  channel: string,
  actor: Actor,
  requestId: string,
): Promise<void> {
  const [, id = ''] = channel.split(':')
  const type = typeOf(product, channel)
  const refuse = async () => {
    throw new Error('following announces nothing')
  }
  const now = new Date(world.clock.now())
  const [address, agent] = [null, null]
  const context: Context<Actor> = {
    world,
    actor,
    requestId,
    now,
    address,
    agent,
    emit: refuse,
    enqueue: refuse,
    tally: refuse,
  }
  const subject = await type.load(id, context)
  if (!type.allow(actor, subject)) throw refusals.forbidden()
}

function typeOf({ channels }: Engine['product'], channel: string): AnyChannelType {
  const [kind] = channel.split(':')
  const type = channels.find(candidate => candidate.kind === kind)
  if (type === undefined) throw refusals.notFound()
  return type
}

/** Whether somebody still may: as `authorise`, but the answer instead of a throw. */
export async function lostRight(
  engine: Pick<Engine, 'world' | 'product'>,
  channel: string,
  actor: Actor,
  requestId: string,
): Promise<Refusal | undefined> {
  try {
    await ask(engine, channel, actor, requestId)
    return undefined
  } catch (error) {
    return toRefusal(error)
  }
}

/**
 * Asks again whether the sockets of this node may follow what they follow; those that may not any more are taken out of the
 * channel and told so with `channel.closed`. Never rejects.
 */
export async function askRightsAgain(
  engine: Pick<Engine, 'world' | 'product'>,
  io: Server,
  { channel, profileId }: Unsettled,
): Promise<void> {
  const sockets = [...io.sockets.sockets.values()].filter(
    socket => profileId === undefined || callerOf(socket).actor.id === profileId,
  )
  const questions = sockets.flatMap(socket =>
    channelsOf(socket)
      .filter(followed => channel === undefined || followed === channel)
      .map(followed => ({ socket, followed })),
  )
  const askSome = async () => {
    for (let next = questions.pop(); next !== undefined; next = questions.pop())
      await askOnce(engine, next.socket, next.followed)
  }
  await Promise.all(Array.from({ length: concurrency }, askSome))
}

async function askOnce(engine: Pick<Engine, 'world' | 'product'>, socket: Socket, channel: string): Promise<void> {
  const requestId = randomUUID()
  const refusal = await lostRight(engine, channel, callerOf(socket).actor, requestId)
  if (refusal === undefined) return
  // What cannot be asked now must be asked at a new follow: the client comes back by itself.
  if (refusal.kind.status >= 500) socket.conn.close()
  await socket.leave(channel)
  engine.world.metrics.channelsClosed.inc({ code: refusal.kind.code })
  socket.emit('channel.closed', { channel, problem: refusal.toProblem(requestId) })
}
