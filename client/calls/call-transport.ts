import { type TuttiProblem, toProblem } from '../problem'
import { isPosition, type Position } from '../channels/frames'

/** A call, independent of the transport. */
export interface CallRequest {
  /** Name of the operation, such as `interactions.likeTrack`. */
  name: string
  input: object
  /** The Idempotency-Key. */
  key?: string
}

export interface CallResponse {
  data: unknown
  /** List operations only: the cursor of the next page. */
  page?: { next: string | null }
  /** Snapshots only: the channel position before the state was read. */
  position?: Position
}

/** Whether the input asks for cookies, which come over REST only, and which browsers keep only for requests with credentials. */
export const wantsCookies = (input: object): boolean => 'delivery' in input && input.delivery === 'cookies'

/** Sends calls to the server: over REST or the socket. */
export interface CallTransport {
  /** @throws TuttiProblem; `unreachable` when there is no response in time */
  send(request: CallRequest): Promise<CallResponse>
}

/** Timeout of a call. */
export const callTimeoutMs = 10_000

/** Returns the current bearer token; with `refused`, another one than the server has refused with that problem. */
export interface TokenSource {
  (refused?: TuttiProblem): Promise<string>
  /** Whether the token can change, so that a 401 can be retried. */
  canChange: boolean
}

/** Whether to retry, later or with another token. */
export const isRetryable = (problem: TuttiProblem, token: TokenSource): boolean =>
  problem.isTemporary || (problem.status === 401 && token.canChange)

export const isUnreachable = (error: unknown): error is TuttiProblem =>
  error instanceof Error && 'code' in error && error.code === 'unreachable'

/** Parses a response of either transport. @throws TuttiProblem for an error, or for anything that is not a response */
export function toCallResponse(body: unknown): CallResponse {
  if (typeof body !== 'object' || body === null) throw toProblem(body)
  if ('error' in body) throw toProblem(body.error)
  if (!('data' in body)) throw toProblem(body)
  const { data } = body
  return {
    data,
    ...('page' in body && { page: { next: nextOf(body.page) } }),
    ...('position' in body && isPosition(body.position) && { position: toPosition(body.position) }),
  }
}

/** Copies the position without other fields. */
const toPosition = ({ epoch, offset }: Position): Position => ({ epoch, offset })

const nextOf = (page: unknown): string | null =>
  typeof page === 'object' && page !== null && 'next' in page && typeof page.next === 'string' ? page.next : null
