import { type TuttiProblem, toProblem } from './problem'

/** A call on its way, whichever way. */
export interface Question {
  /** Of an operation, such as `interactions.likeTrack`. */
  name: string
  input: object
  /** The Idempotency-Key. */
  key?: string
}

export interface Answer {
  data: unknown
  /** For lists. */
  page?: { next: string | null }
}

/** One of the two ways to the server: REST, or the socket. */
export interface Road {
  /** @throws TuttiProblem; `unreachable` when nobody answered in time. */
  ask(question: Question): Promise<Answer>
}

/** A call that takes longer has been lost somewhere. */
export const callTimeoutMs = 10_000

/** Asks for the bearer token that is good now. */
export type TokenSource = () => Promise<string>

export const isUnreachable = (error: unknown): error is TuttiProblem =>
  error instanceof Error && 'code' in error && error.code === 'unreachable'

/** What came back, over either road. @throws TuttiProblem when it is no answer. */
export function toAnswer(body: unknown): Answer {
  if (typeof body !== 'object' || body === null) throw toProblem(body)
  if ('error' in body) throw toProblem(body.error)
  if (!('data' in body)) throw toProblem(body)
  const { data } = body
  return 'page' in body ? { data, page: { next: nextOf(body.page) } } : { data }
}

const nextOf = (page: unknown): string | null =>
  typeof page === 'object' && page !== null && 'next' in page && typeof page.next === 'string' ? page.next : null
