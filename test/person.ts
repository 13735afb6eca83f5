import { io, type Socket } from 'socket.io-client'
import { type TokenOptions } from '../dev/issuer'
import { type AnswerOf, type AnyOperation, type InputOf, parseRoute } from '../kernel/pipeline/operation'
import { type Problem } from '../kernel/pipeline/refusals'
import { type AppContext } from '../kernel/platform/app-context'
import { getMe } from '../skills/user-profile/get-me'
import { exampleRecorder } from './example-recorder'
import { waitUntil } from './kernel/wait-until'

/** The two transports of the API: REST and Socket.IO. */
export const transports = ['rest', 'socket'] as const
export type Transport = (typeof transports)[number]

export interface PersonOptions extends TokenOptions {
  /** The index of the node to connect to. Default: round robin. */
  node?: number
}

export interface CallOptions {
  transport?: Transport
  /** The idempotency key. */
  idempotencyKey?: string
  headers?: Record<string, string>
}

export interface Reply {
  data?: unknown
  page?: { next: string | null; hasMore: boolean }
  error?: Problem
  status?: number
  headers?: Headers
}

export interface ReceivedEvent {
  offset: number
  id: string
  name: string
  at: string
  data: Record<string, unknown>
}

/** A problem that the server returned where a test expected success. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail ?? problem.title} ${JSON.stringify(problem.errors ?? '')}`)
  }
}

const timeoutMs = 8_000

/** A signed-in test user that calls operations over REST or Socket.IO and records events of channels. */
export class Person implements AsyncDisposable {
  id = ''
  private connection: Socket | undefined

  private constructor(
    readonly name: string,
    readonly token: string,
    readonly url: string,
    private readonly now: () => number,
  ) {}

  static async signIn(name: string, token: string, url: string, now: () => number = Date.now): Promise<Person> {
    const person = new Person(name, token, url, now)
    person.id = (await person.call(getMe, {})).id
    return person
  }

  /** Calls an operation and returns `data`; throws `Refused` for a problem. */
  async call<O extends AnyOperation>(op: O, input: InputOf<O>, options: CallOptions = {}): Promise<AnswerOf<O>> {
    const { data, error } = await this.request(op, input, options)
    if (error !== undefined) throw new ProblemError(error)
    return data as AnswerOf<O>
  }

  /** Calls an operation and returns the problem; throws when the call succeeds. */
  async expectProblem(op: AnyOperation, input: unknown, options: CallOptions = {}): Promise<Problem> {
    const { error, data } = await this.request(op, input, options)
    if (error === undefined) throw new Error(`${op.name} succeeded: ${JSON.stringify(data)}`)
    return error
  }

  /** Calls an operation and returns the whole reply. Default transport: REST. */
  async request(
    op: AnyOperation,
    input: unknown,
    { transport = 'rest', idempotencyKey, headers = {} }: CallOptions = {},
  ): Promise<Reply> {
    if (transport === 'rest') {
      const baseHeaders = {
        authorization: `Bearer ${this.token}`,
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      }
      return requestOverRest(this.url, op, input, { ...baseHeaders, ...headers })
    }
    const socket = await this.socket()
    const message = { input, ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }) }
    return (await socket.timeout(timeoutMs).emitWithAck(op.name, message)) as Reply
  }

  async socket(): Promise<Socket> {
    this.connection ??= this.connect()
    const socket = this.connection
    if (!socket.connected) await new Promise<void>(resolve => socket.once('connect', resolve))
    return socket
  }

  private connect(): Socket {
    const socket = io(this.url, { auth: { token: this.token }, transports: ['websocket'], forceNew: true })
    exampleRecorder.recordSocket(socket)
    return socket
  }

  /** Follows a channel and records its events from now on. */
  async recordEvents(channel: string): Promise<EventRecorder> {
    const socket = await this.socket()
    const recorder = new EventRecorder(socket, channel, new Date(this.now()).toISOString())
    const { error } = (await socket.timeout(timeoutMs).emitWithAck('channel.follow', { input: { channel } })) as Reply
    if (error !== undefined) throw new ProblemError(error)
    return recorder
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection?.disconnect()
  }
}

/** Records the events of one channel, in order. */
export class EventRecorder {
  readonly events: ReceivedEvent[] = []
  /** The offset of the last event that arrived, recorded or not. */
  private lastOffset = 0
  private waiters: (() => void)[] = []

  /** Drops events up to the time `after`, which a node that is behind may still deliver. */
  constructor(
    socket: Socket,
    private readonly channel: string,
    after = '',
  ) {
    socket.on('events', (frame: { channel: string; events: ReceivedEvent[] }) => {
      if (frame.channel !== channel) return
      this.lastOffset = frame.events.at(-1)?.offset ?? this.lastOffset
      this.events.push(...frame.events.filter(({ at }) => at > after))
      for (const wake of this.waiters.splice(0)) wake()
    })
  }

  /** Waits for all events emitted so far and returns the recorded ones. At least one must have been emitted since the follow. */
  async waitForAll({ channelLog }: Pick<AppContext, 'channelLog'>): Promise<readonly ReceivedEvent[]> {
    const { offset } = await channelLog.position(this.channel)
    await waitUntil(() => this.lastOffset >= offset)
    return this.events
  }

  /** Waits for an event with this name that `fits`. */
  async waitFor(
    name: string,
    fits: (data: ReceivedEvent['data']) => boolean = () => true,
    withinMs = timeoutMs,
  ): Promise<ReceivedEvent> {
    const deadline = Date.now() + withinMs
    for (;;) {
      const found = this.events.find(event => event.name === name && fits(event.data))
      if (found !== undefined) return found
      if (Date.now() > deadline)
        throw new Error(`${name} was not received; received: ${this.names().join(', ') || 'nothing'}`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 200)
        this.waiters.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  names(): string[] {
    return this.events.map(({ name }) => name)
  }
}

/** Calls an operation over REST, as any client does. */
export async function requestOverRest(
  url: string,
  op: AnyOperation,
  input: unknown,
  headers: Record<string, string>,
): Promise<Reply> {
  const { method, path, params } = parseRoute(op.route)
  const fields = input as Record<string, unknown>
  const inQuery = method === 'GET' || method === 'DELETE'
  const unbound = Object.entries(fields).filter(([name]) => !params.includes(name))
  const sentFields = Object.fromEntries(unbound.filter(([name]) => !inQuery || name !== 'secret'))
  const secret = inQuery && typeof fields.secret === 'string' ? { 'x-track-secret': fields.secret } : {}
  let filledPath = path
  for (const name of params) {
    filledPath = filledPath.replace(`:${name}`, encodeURIComponent(String(fields[name])))
  }
  const query = new URLSearchParams(
    Object.fromEntries(Object.entries(sentFields).map(([name, value]) => [name, String(value)])),
  )
  const response = await fetch(`${url}/api/v1${filledPath}${inQuery && query.size > 0 ? `?${query.toString()}` : ''}`, {
    method,
    headers: { ...(inQuery ? {} : { 'content-type': 'application/json' }), ...secret, ...headers },
    ...(inQuery ? {} : { body: JSON.stringify(sentFields) }),
  })
  const body = (await response.json()) as Record<string, unknown>
  if (response.ok) exampleRecorder.recordCall(op.name, fields, body)
  const meta = { status: response.status, headers: response.headers }
  return response.ok ? { ...(body as Reply), ...meta } : { error: body as unknown as Problem, ...meta }
}
