import { type TuttiProblem, toProblem } from './problem'
import { isPosition, type Position } from './stream'

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
  /** For snapshots: where the channel was when they were taken. */
  position?: Position
}

/**
 * Whether cookies are wanted with the answer. They come over REST alone, and a browser keeps them only when they were asked
 * for with credentials.
 */
export const wantsCookies = (input: object): boolean => 'delivery' in input && input.delivery === 'cookies'

/** One of the two ways to the server: REST, or the socket. */
export interface Road {
  /** @throws TuttiProblem; `unreachable` when nobody answered in time. */
  ask(question: Question): Promise<Answer>
}

/** A call that takes longer has been lost somewhere. */
export const callTimeoutMs = 10_000

/** Asks for the bearer token that is good now; with a problem, for another one than was refused with it. */
export interface TokenSource {
  (refused?: TuttiProblem): Promise<string>
  /** Whether another token may come, so that a refused one is not the end. */
  mayChange: boolean
}

/** Whether the same may be tried again, later or with another token. */
export const mayComeBack = (problem: TuttiProblem, token: TokenSource): boolean =>
  problem.isTemporary || (problem.status === 401 && token.mayChange)

export const isUnreachable = (error: unknown): error is TuttiProblem =>
  error instanceof Error && 'code' in error && error.code === 'unreachable'

/** What came back, over either road. @throws TuttiProblem when it is no answer. */
export function toAnswer(body: unknown): Answer {
  if (typeof body !== 'object' || body === null) throw toProblem(body)
  if ('error' in body) throw toProblem(body.error)
  if (!('data' in body)) throw toProblem(body)
  const { data } = body
  return {
    data,
    ...('page' in body && { page: { next: nextOf(body.page) } }),
    ...('position' in body && isPosition(body.position) && { position: placeOf(body.position) }),
  }
}

/** Without what else is said about it. */
const placeOf = ({ epoch, offset }: Position): Position => ({ epoch, offset })

const nextOf = (page: unknown): string | null =>
  typeof page === 'object' && page !== null && 'next' in page && typeof page.next === 'string' ? page.next : null
