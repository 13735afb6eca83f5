import { randomUUID } from 'node:crypto'
import { type Socket } from 'socket.io'
import { closeReasons } from '../../kernel/events/close-reasons'
import { type Pipeline } from '../../kernel/pipeline/pipeline'
import { parseIdempotencyKey } from '../../kernel/pipeline/idempotency'
import { invalidField, refusal, refusals } from '../../kernel/pipeline/refusals'
import { closeConnection } from '../connection/close-connection'
import { type CallsInProgress } from '../connection/drain'
import { type CallGate } from '../connection/call-rate-limit'
import { callerOf, type SocketData } from '../connection/socket-data'

export const ackMissing = refusal('ack_missing', 400, 'The call has no acknowledgement callback')

/** The acknowledgement of a call: `{data}`, or `{error}` with the same problem object as over REST. */
export type CallReply = Record<string, unknown>
export type CallHandler = (
  sent: CallRequest,
  caller: SocketData,
  socket: Socket,
  requestId: string,
) => Promise<CallReply>

/** `emitWithAck(name, {input, key})` */
export interface CallRequest {
  input: unknown
  key: string | undefined
}

/**
 * Answers every call of a socket that the gate admits; calls without an answer yet are in `inProgress`. This is the only
 * place that registers handlers for client events, so that no client message can crash the process or stay unanswered.
 */
export function createCallDispatcher(
  pipeline: Pipeline,
  calls: ReadonlyMap<string, CallHandler>,
  inProgress: CallsInProgress,
  gate: CallGate,
): (socket: Socket) => void {
  // Share one listener among all sockets: a closure for each would cost memory.
  function onAny(this: Socket, name: unknown, ...sent: unknown[]): void {
    const answering = answerOne(this, name, sent).finally(() => inProgress.delete(answering))
    inProgress.set(answering, this)
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
      const problem = pipeline.toLoggedRefusal(error, requestId, String(name).slice(0, 100)).toProblem(requestId)
      if (isAck(ack)) ack({ error: problem })
      else socket.emit('call.refused', problem)
    }
  }

  /** Reports a malformed packet; Socket.IO closes the transport after this event. */
  function onError(this: Socket, error: unknown): void {
    if (error instanceof Error) closeConnection(pipeline.app, this, closeReasons.malformedPacket)
  }

  return socket => {
    // A client can also send an event named `error`: without a listener the emitter would throw.
    socket.on('error', onError)
    socket.onAny(onAny)
  }
}

const isAck = (value: unknown): value is (reply: CallReply) => void => typeof value === 'function'

function toSent(args: readonly unknown[]): CallRequest {
  const [request = {}] = args
  const isObject = typeof request === 'object' && request !== null && !Array.isArray(request)
  if (args.length > 1 || !isObject) throw malformed('a call takes one argument, {input, key?}')
  const unknown = Object.keys(request).find(field => field !== 'input' && field !== 'key')
  if (unknown !== undefined) throw malformed(`${unknown.slice(0, 100)} is not allowed: a call takes {input, key?}`)
  const input: unknown = 'input' in request && request.input !== undefined ? request.input : {}
  return { input, key: parseIdempotencyKey('key' in request ? request.key : undefined) }
}

const malformed = (message: string) => invalidField('', 'malformed_call', message)
