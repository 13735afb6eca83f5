import { type Actor } from './actor'
import { type Context } from './context'
import { type Cookie } from './cookie'
import { type Page } from './paging'
import { type RefusalKind } from './refusals'
import { type Field } from './schema'

export type AuthRule = 'public' | 'signed-in' | 'moderator'
export type Route = `${'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'} /${string}`
export type ActorOf<W extends AuthRule> = W extends 'public' ? Actor | null : Actor

/**
 * One API operation. `load` reads the subject with the locks it needs and refuses with `not_found` what the caller may not
 * know of; `allow` is a pure predicate; `run` changes rows and emits events. `I` is the input, `O` the output, `S` the
 * subject, `A` what was prepared before the transaction.
 */
export interface OperationOptions<I, O, S, W extends AuthRule, A> {
  /** `skill.verbNoun`: the Socket.IO event name and the operationId. */
  readonly name: `${string}.${string}`
  /** Method and path below `/api/v1`; `:params` are fields of the input. */
  readonly route: Route
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  readonly auth: W
  readonly input: Field<I>
  readonly output: Field<O>
  readonly limit: { readonly perMinute: number }
  /** `read`: a GET; `natural`: repeating it has no further effect; `keyed`: idempotent with an Idempotency-Key. */
  readonly idempotency: 'read' | 'natural' | 'keyed'
  /** Runs without a transaction although it is not a GET, because the input needs a body or the answer must not be cached. */
  readonly readOnly?: true
  /** Cookies to set in the browser over REST. Over a socket they are only in the data. */
  cookies?(this: void, answer: NoInfer<O>): readonly Cookie[]
  /** HTTP status of success; 200 by default. */
  readonly status?: 200 | 201 | 202
  /**
   * The channel whose state the answer contains. The answer then carries the channel's `position`, read before the state:
   * a client that follows from there misses nothing and may receive some events twice.
   */
  snapshotChannel?(this: void, input: NoInfer<I>, actor: ActorOf<W>): string
  /**
   * Over REST success is a 302 to this URL, publicly cacheable for `maxAgeSeconds`, so that the route works as an `<img>` source.
   * With `Accept: application/json` REST returns the answer itself, as over a socket.
   */
  redirectTo?(this: void, answer: NoInfer<O>): { url: string; maxAgeSeconds: number }
  /**
   * Makes the REST answer privately cacheable for `maxAgeSeconds`, with `version` as its ETag. Other answers are `no-store`. Each
   * revalidation checks access again. A URL with `?version=` is cached for a year.
   */
  cacheControl?(this: void, answer: NoInfer<O>): { version: string; maxAgeSeconds: number }
  /** Refusals beyond the general ones that any operation may throw. */
  readonly refuses?: readonly RefusalKind[]
  /**
   * Calls slow external services, such as the object store, before the transaction begins, so that no lock and no connection
   * is held meanwhile. It refuses like `load`, and changes no rows. Rows it read may have changed before `run`, which must
   * check them again. A retry of the transaction does not repeat it.
   */
  beforeTransaction?(this: void, input: NoInfer<I>, context: Context<ActorOf<W>>): Promise<A>
  load(input: NoInfer<I>, context: Context<ActorOf<W>>): Promise<S>
  allow(actor: ActorOf<W>, subject: NoInfer<S>): boolean
  run(
    call: { input: NoInfer<I>; subject: NoInfer<S>; actor: ActorOf<W>; prepared: NoInfer<A> },
    context: Context<ActorOf<W>>,
  ): Promise<NoInfer<O>>
}

export interface Operation<
  I = unknown,
  O = unknown,
  S = unknown,
  W extends AuthRule = AuthRule,
  A = unknown,
> extends OperationOptions<I, O, S, W, A> {
  readonly declares: 'operation'
}

/** An operation with its types erased, for lists and transports. */
export type AnyOperation = Operation

/** Declares an operation. Throws at start-up when its fields contradict each other. */
export function operation<I, O, S, W extends AuthRule, A>(
  declared: OperationOptions<I, O, S, W, A>,
): Operation<I, O, S, W, A> {
  const isRead = declared.idempotency === 'read'
  if (declared.route.startsWith('GET ') !== isRead)
    throw new Error(`${declared.name}: idempotency 'read' and method GET require each other`)
  if (declared.redirectTo !== undefined && !isRead) throw new Error(`${declared.name}: only a read may redirect`)
  if (declared.cacheControl !== undefined && !isRead) throw new Error(`${declared.name}: only a read may be cached`)
  if (declared.snapshotChannel !== undefined && !isRead)
    throw new Error(`${declared.name}: only a read may be a snapshot`)
  // A read holds no locks, and a replayed key must not call external services again.
  if (declared.beforeTransaction !== undefined && declared.idempotency !== 'natural')
    throw new Error(`${declared.name}: only a naturally idempotent operation may work before its transaction`)
  return { ...declared, declares: 'operation' }
}

export type InputOf<Op> = Op extends { readonly input: Field<infer I> } ? I : never
/** The type of `data` in the answer: the array of rows for a paged operation. */
export type AnswerOf<Op> = Op extends { readonly output: Field<infer O> } ? (O extends Page<infer T> ? T[] : O) : never

export function parseRoute(route: Route): { method: string; path: string; params: string[] } {
  const [method = '', path = ''] = route.split(' ')
  return { method, path, params: [...path.matchAll(/:(\w+)/g)].map(match => match[1] ?? '') }
}
