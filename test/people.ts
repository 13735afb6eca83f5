import { io, type Socket } from 'socket.io-client'
import { type TokenWish } from '../dev/issuer'
import { type AnswerOf, type AnyOperation, type InputOf, methodAndPath } from '../kernel/operation'
import { type Problem } from '../kernel/refusals'
import { type World } from '../kernel/world'
import { getMe } from '../skills/user-profile/get-me'
import { until } from './kernel/until'

/** The two doors. */
export const doors = ['rest', 'socket'] as const
export type Door = (typeof doors)[number]

export interface PersonWish extends TokenWish {
  /** Which node to connect to; else the next. */
  node?: number
}

export interface CallOptions {
  door?: Door
  /** The Idempotency-Key. */
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

/** A refusal that a test did not expect. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail ?? problem.title} ${JSON.stringify(problem.errors ?? '')}`)
  }
}

const patienceMs = 8_000

/** Someone with a token and a client, who speaks over either door and hears what happens on channels. */
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

  /** The answer's `data`; throws `Refused` when there is none. */
  async call<O extends AnyOperation>(op: O, input: InputOf<O>, options: CallOptions = {}): Promise<AnswerOf<O>> {
    const { data, error } = await this.ask(op, input, options)
    if (error !== undefined) throw new Refused(error)
    return data as AnswerOf<O>
  }

  /** The problem; throws when the call succeeds. */
  async refused(op: AnyOperation, input: unknown, options: CallOptions = {}): Promise<Problem> {
    const { error, data } = await this.ask(op, input, options)
    if (error === undefined) throw new Error(`${op.name} succeeded: ${JSON.stringify(data)}`)
    return error
  }

  /** The whole reply, over REST unless told otherwise. */
  async ask(op: AnyOperation, input: unknown, { door = 'rest', key, headers = {} }: CallOptions = {}): Promise<Reply> {
    if (door === 'rest') {
      const more = { authorization: `Bearer ${this.token}`, ...(key === undefined ? {} : { 'idempotency-key': key }) }
      return askOverRest(this.url, op, input, { ...more, ...headers })
    }
    const socket = await this.socket()
    const sent = { input, ...(key === undefined ? {} : { key }) }
    return (await socket.timeout(patienceMs).emitWithAck(op.name, sent)) as Reply
  }

  async socket(): Promise<Socket> {
    this.connection ??= io(this.url, { auth: { token: this.token }, transports: ['websocket'], forceNew: true })
    const socket = this.connection
    if (!socket.connected) await new Promise<void>(resolve => socket.once('connect', resolve))
    return socket
  }

  /** Follows a channel; what is heard there is collected from now on. */
  async hear(channel: string): Promise<Ear> {
    const socket = await this.socket()
    const ear = new Ear(socket, channel, new Date(this.now()).toISOString())
    const { error } = (await socket.timeout(patienceMs).emitWithAck('channel.follow', { input: { channel } })) as Reply
    if (error !== undefined) throw new Refused(error)
    return ear
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection?.disconnect()
  }
}

/** What arrived on one channel, in order. */
export class Ear {
  readonly events: Heard[] = []
  /** The offset of the last event that arrived, awaited or not. */
  private reached = 0
  private waiting: (() => void)[] = []

  /** What happened until `after` may still arrive from a node that is behind; it is no part of what is awaited. */
  constructor(
    socket: Socket,
    private readonly channel: string,
    after = '',
  ) {
    socket.on('events', (frame: { channel: string; events: Heard[] }) => {
      if (frame.channel !== channel) return
      this.reached = frame.events.at(-1)?.offset ?? this.reached
      this.events.push(...frame.events.filter(({ at }) => at > after))
      for (const wake of this.waiting.splice(0)) wake()
    })
  }

  /** What was heard, once that is all that was said there until now; something has to have been said since it follows. */
  async all({ channels }: Pick<World, 'channels'>): Promise<readonly Heard[]> {
    const { offset } = await channels.position(this.channel)
    await until(() => this.reached >= offset)
    return this.events
  }

  /** The first event of this name that fits, now or soon. */
  async first(name: string, fits: (data: Heard['data']) => boolean = () => true): Promise<Heard> {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const found = this.events.find(event => event.name === name && fits(event.data))
      if (found !== undefined) return found
      if (Date.now() > deadline)
        throw new Error(`${name} was not heard; heard: ${this.names().join(', ') || 'nothing'}`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 200)
        this.waiting.push(() => {
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

/** One call over REST, as any client would make it. */
export async function askOverRest(
  url: string,
  op: AnyOperation,
  input: unknown,
  headers: Record<string, string>,
): Promise<Reply> {
  const { method, path, params } = methodAndPath(op.route)
  const sent = input as Record<string, unknown>
  const inQuery = method === 'GET' || method === 'DELETE'
  const left = Object.entries(sent).filter(([name]) => !params.includes(name))
  const given = Object.fromEntries(left.filter(([name]) => !inQuery || name !== 'secret'))
  const secret = inQuery && typeof sent.secret === 'string' ? { 'x-track-secret': sent.secret } : {}
  let filled = path
  for (const name of params) {
    filled = filled.replace(`:${name}`, encodeURIComponent(String(sent[name])))
  }
  const query = new URLSearchParams(
    Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)])),
  )
  const response = await fetch(`${url}/api/v1${filled}${inQuery && query.size > 0 ? `?${query.toString()}` : ''}`, {
    method,
    headers: { ...(inQuery ? {} : { 'content-type': 'application/json' }), ...secret, ...headers },
    ...(inQuery ? {} : { body: JSON.stringify(given) }),
  })
  const body = (await response.json()) as Record<string, unknown>
  const rest = { status: response.status, headers: response.headers }
  return response.ok ? { ...(body as Reply), ...rest } : { error: body as unknown as Problem, ...rest }
}
