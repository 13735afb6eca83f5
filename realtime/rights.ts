import { randomUUID } from 'node:crypto'
import { type Server, type Socket } from 'socket.io'
import { type Unsettled } from '../kernel/event'
import { type Engine } from '../kernel/engine'
import { toRefusal } from '../kernel/faults'
import { authorise, channelsOf } from './channels'
import { callerOf } from './dispatch'

/** So many questions at a time, however many follow. */
const concurrency = 8

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
  try {
    await authorise(engine, channel, callerOf(socket).actor, requestId)
  } catch (error) {
    const refusal = toRefusal(error)
    // What cannot be asked now must be asked at a new follow: the client comes back by itself.
    if (refusal.kind.status >= 500) socket.conn.close()
    await socket.leave(channel)
    socket.emit('channel.closed', { channel, problem: refusal.toProblem(requestId) })
  }
}
