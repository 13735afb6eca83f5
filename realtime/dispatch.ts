import { randomUUID } from 'node:crypto'
import { type Socket } from 'socket.io'
import { closings } from '../kernel/closings'
import { type Engine } from '../kernel/engine'
import { readKey } from '../kernel/idempotency'
import { refusal, refusals } from '../kernel/refusals'
import { closeConnection } from './close-connection'
import { type CallsUnderWay } from './drain'
import { type CallGate } from './flood'
import { type Caller } from './handshake'

export const ackMissing = refusal('ack_missing', 400, 'A call needs an acknowledgement callback')

/** What a call is answered with: `{data}`, or the same problem object as over REST. */
export type Reply = Record<string, unknown>
export type SocketCall = (sent: Sent, caller: Caller, socket: Socket, requestId: string) => Promise<Reply>

/** `emitWithAck(name, {input, key})` */
export interface Sent {
  input: unknown
  key: string | undefined
}

/**
 * Answers every call of a socket that the gate lets through; those that are not answered yet are `underWay`. The one wrapper
 * around all that a client may send, whatever it is: no handler is registered anywhere else, so that nothing sent can end
 * the process or stay without an answer.
 */
export function callAnswerer(
  engine: Engine,
  calls: ReadonlyMap<string, SocketCall>,
  underWay: CallsUnderWay,
  gate: CallGate,
): (socket: Socket) => void {
  // One function for all sockets, which are many.
  function onAny(this: Socket, name: unknown, ...sent: unknown[]): void {
    const answered = answerOne(this, name, sent).finally(() => underWay.delete(answered))
    underWay.set(answered, this)
  }

  async function answerOne(socket: Socket, name: unknown, sent: unknown[]): Promise<void> {
    const requestId = randomUUID()
    const ack = sent.at(-1)
    try {
      gate(socket, name)
      if (!isAck(ack)) throw ackMissing()
      const call = typeof name === 'string' ? calls.get(name) : undefined
      if (call === undefined) throw refusals.unknownOperation()
      ack(await call(toSent(sent.slice(0, -1)), callerOf(socket), socket, requestId))
    } catch (error) {
      const problem = engine.refuse(error, requestId, String(name).slice(0, 100)).toProblem(requestId)
      if (isAck(ack)) ack({ error: problem })
      else socket.emit('refused', problem)
    }
  }

  /** Of what is no packet: Socket.IO closes the transport after this. */
  function onError(this: Socket, error: unknown): void {
    if (error instanceof Error) closeConnection(engine.world, this, { closing: closings.malformed })
  }

  return socket => {
    // A client may call its event `error`, too, which an emitter nobody listens to would throw.
    socket.on('error', onError)
    socket.onAny(onAny)
  }
}

const isAck = (value: unknown): value is (reply: Reply) => void => typeof value === 'function'

export const callerOf = (socket: Socket): Caller => socket.data as Caller

function toSent(args: readonly unknown[]): Sent {
  const [request = {}] = args
  const isObject = typeof request === 'object' && request !== null && !Array.isArray(request)
  if (args.length > 1 || !isObject) throw malformed('a call sends one object: {input, key?}')
  const unknown = Object.keys(request).find(field => field !== 'input' && field !== 'key')
  if (unknown !== undefined) throw malformed(`${unknown.slice(0, 100)} is not allowed: a call sends {input, key?}`)
  const input: unknown = 'input' in request && request.input !== undefined ? request.input : {}
  return { input, key: readKey('key' in request ? request.key : undefined) }
}

const malformed = (message: string) =>
  refusals.invalidInput(undefined, { errors: [{ path: '', code: 'malformed_call', message }] })
