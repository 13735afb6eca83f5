import { type Actor } from './actor'
import { type Context } from './context'
import { type Cookie } from './cookie'
import { type Page } from './paging'
import { type RefusalKind } from './refusals'
import { type Field } from './schema'

export type Who = 'anyone' | 'signed-in' | 'moderators'
export type Route = `${'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'} /${string}`
export type ActorOf<W extends Who> = W extends 'anyone' ? Actor | null : Actor

/**
 * One thing that the product does. The type of every step follows from what is declared: `load` finds the subject,
 * with the locks it needs, and refuses what the caller may not know of; `allow` is a pure yes or no; `run` changes
 * rows and emits events. `I` is the input, `O` the answer, `S` the subject, `A` what others were asked for beforehand.
 */
export interface Operation<I = unknown, O = unknown, S = unknown, W extends Who = Who, A = unknown> {
  /** `skill.verbNoun`: the name of the socket call and the operationId of the docs. */
  readonly name: `${string}.${string}`
  /** Method and path below `/api/v1`; `:names` are fields of the input. */
  readonly route: Route
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  readonly who: W
  readonly input: Field<I>
  readonly output: Field<O>
  readonly limit: { readonly perMinute: number }
  /** Reads are GETs; `natural`: once or ten times is the same; `keyed`: an Idempotency-Key makes it so. */
  readonly idempotency: 'read' | 'natural' | 'keyed'
  /** Runs like a read, without a transaction, though it is no GET: its input wants a body, or its answer no cache. */
  readonly changesNothing?: true
  /** Which cookies of the answer a browser shall keep. Over a socket they are in the data, and nowhere else. */
  cookiesOf?(this: void, answer: NoInfer<O>): readonly Cookie[]
  /** The status of success over REST: 200 unless said otherwise. */
  readonly status?: 200 | 201 | 202
  /**
   * The channel whose state the answer shows. The answer then carries the channel's `position`, read before the state:
   * whoever follows from there misses nothing, and is told some of it twice.
   */
  snapshotOf?(this: void, input: NoInfer<I>, actor: ActorOf<W>): string
  /**
   * Over REST success is a redirect (302) to there, which anybody may keep for so long: an address that stands in an `<img>`.
   * Who accepts `application/json` by name gets the answer itself, as over a socket.
   */
  redirectOf?(this: void, answer: NoInfer<O>): { url: string; keepSeconds: number }
  /**
   * Over REST whoever asked may keep the answer so long, and then ask whether it is still that version; everything else
   * is never kept. Whether they may have it is looked at whenever they ask. An address that names the version
   * (`?version=`) is kept for a year.
   */
  kept?(this: void, answer: NoInfer<O>): { version: string; seconds: number }
  /** What else it may refuse with, beyond what any operation may. */
  readonly refuses?: readonly RefusalKind[]
  /**
   * Asks what is slow and not ours, such as the object store, before the transaction begins: so nothing waits for its answer with
   * rows locked and a connection taken. It refuses like `load` what the caller may not know of, changes no rows, and what it saw
   * of them may have changed by the time of `run`, which looks again. The transaction that is tried again asks no more.
   */
  ask?(this: void, input: NoInfer<I>, context: Context<ActorOf<W>>): Promise<A>
  load(input: NoInfer<I>, context: Context<ActorOf<W>>): Promise<S>
  allow(actor: ActorOf<W>, subject: NoInfer<S>): boolean
  run(
    call: { input: NoInfer<I>; subject: NoInfer<S>; actor: ActorOf<W>; asked: NoInfer<A> },
    context: Context<ActorOf<W>>,
  ): Promise<NoInfer<O>>
}

/** Any operation, whatever its types: what lists and doors hold. */
export type AnyOperation = Operation

/** Declares an operation. Throws at start-up when method and idempotency disagree. */
export function operation<I, O, S, W extends Who, A>(declared: Operation<I, O, S, W, A>): Operation<I, O, S, W, A> {
  const isRead = declared.idempotency === 'read'
  if (declared.route.startsWith('GET ') !== isRead)
    throw new Error(`${declared.name}: a GET is a read and a read is a GET`)
  if (declared.redirectOf !== undefined && !isRead) throw new Error(`${declared.name}: a redirect is a read`)
  if (declared.kept !== undefined && !isRead) throw new Error(`${declared.name}: only a read may be kept`)
  if (declared.snapshotOf !== undefined && !isRead) throw new Error(`${declared.name}: a snapshot is a read`)
  // Of a read nothing is locked, and what a key has answered already needs no asking.
  if (declared.ask !== undefined && declared.idempotency !== 'natural')
    throw new Error(`${declared.name}: only what is repeated without harm asks before its transaction`)
  return declared
}

export type InputOf<Op> = Op extends { readonly input: Field<infer I> } ? I : never
/** What a caller gets as `data`: the rows themselves where the operation answers with a page. */
export type AnswerOf<Op> = Op extends { readonly output: Field<infer O> } ? (O extends Page<infer T> ? T[] : O) : never

export function methodAndPath(route: Route): { method: string; path: string; params: string[] } {
  const [method = '', path = ''] = route.split(' ')
  return { method, path, params: [...path.matchAll(/:(\w+)/g)].map(match => match[1] ?? '') }
}
