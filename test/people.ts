import { io, type Socket } from 'socket.io-client'
import { type TokenWish } from '../dev/issuer'
import { type AnswerOf, type AnyOperation, type InputOf, methodAndPath } from '../kernel/operation'
import { type Problem } from '../kernel/refusals'
import { type World } from '../kernel/world'
import { getMe } from '../skills/user-profile/get-me'
import { until } from './kernel/until'

/** The two transports of the API: REST and Socket.IO. */
export const doors = ['rest', 'socket'] as const
export type Door = (typeof doors)[number]

export interface PersonWish extends TokenWish {
  /** The index of the node to connect to. Default: round robin. */
  node?: number
}

export interface CallOptions {
  door?: Door
  /** The idempotency key. */
  key?: string
  headers?: Record<string, string>
}

export interface Reply {
  data?: unknown
  page?: { next: string | null; hasMore: boolean }
  error?: Problem
  status?: number
  headers?: Headers
}

export interface Heard {
  offset: number
  id: string
  name: string
  at: string
  data: Record<string, unknown>
}

/** A problem that the server returned where a test expected success. */
export class Refused extends Error {
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

  static async arrive(name: string, token: string, url: string, now: () => number = Date.now): Promise<Person> {
    const person = new Person(name, token, url, now)
    person.id = (await person.call(getMe, {})).id
    return person
  }

  /** Calls an operation and returns `data`; throws `Refused` for a problem. */
  async call<O extends AnyOperation>(op: O, input: InputOf<O>, options: CallOptions = {}): Promise<AnswerOf<O>> {
    const { data, error } = await this.ask(op, input, options)
    if (error !== undefined) throw new Refused(error)
    return data as AnswerOf<O>
  }

  /** Calls an operation and returns the problem; throws when the call succeeds. */
  async refused(op: AnyOperation, input: unknown, options: CallOptions = {}): Promise<Problem> {
    const { error, data } = await this.ask(op, input, options)
    if (error === undefined) throw new Error(`${op.name} succeeded: ${JSON.stringify(data)}`)
    return error
  }

  /** Calls an operation and returns the whole reply. Default transport: REST. */
  async ask(op: AnyOperation, input: unknown, { door = 'rest', key, headers = {} }: CallOptions = {}): Promise<Reply> {
    if (door === 'rest') {
      const baseHeaders = {
        authorization: `Bearer ${this.token}`,
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      }
      return askOverRest(this.url, op, input, { ...baseHeaders, ...headers })
    }
    const socket = await this.socket()
    const message = { input, ...(key === undefined ? {} : { key }) }
    return (await socket.timeout(timeoutMs).emitWithAck(op.name, message)) as Reply
  }

  async socket(): Promise<Socket> {
    this.connection ??= io(this.url, { auth: { token: this.token }, transports: ['websocket'], forceNew: true })
    const socket = this.connection
    if (!socket.connected) await new Promise<void>(resolve => socket.once('connect', resolve))
    return socket
  }

  /** Follows a channel and records its events from now on. */
  async hear(channel: string): Promise<Ear> {
    const socket = await this.socket()
    const recorder = new Ear(socket, channel, new Date(this.now()).toISOString())
    const { error } = (await socket.timeout(timeoutMs).emitWithAck('channel.follow', { input: { channel } })) as Reply
    if (error !== undefined) throw new Refused(error)
    return recorder
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection?.disconnect()
  }
}

/** Records the events of one channel, in order. */
export class Ear {
  readonly events: Heard[] = []
  /** The offset of the last event that arrived, recorded or not. */
  private lastOffset = 0
  private waiters: (() => void)[] = []

  /** Drops events up to the time `after`, which a node that is behind may still deliver. */
  constructor(
    socket: Socket,
    private readonly channel: string,
    after = '',
  ) {
    socket.on('events', (frame: { channel: string; events: Heard[] }) => {
      if (frame.channel !== channel) return
      this.lastOffset = frame.events.at(-1)?.offset ?? this.lastOffset
      this.events.push(...frame.events.filter(({ at }) => at > after))
      for (const wake of this.waiters.splice(0)) wake()
    })
  }

  /** Waits for all events emitted so far and returns the recorded ones. At least one must have been emitted since the follow. */
  async all({ channels }: Pick<World, 'channels'>): Promise<readonly Heard[]> {
    const { offset } = await channels.position(this.channel)
    await until(() => this.lastOffset >= offset)
    return this.events
  }

  /** Waits for an event with this name that `fits`. */
  async first(name: string, fits: (data: Heard['data']) => boolean = () => true): Promise<Heard> {
    const deadline = Date.now() + timeoutMs
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
export async function askOverRest(
  url: string,
  op: AnyOperation,
  input: unknown,
  headers: Record<string, string>,
): Promise<Reply> {
  const { method, path, params } = methodAndPath(op.route)
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
  const meta = { status: response.status, headers: response.headers }
  return response.ok ? { ...(body as Reply), ...meta } : { error: body as unknown as Problem, ...meta }
}
