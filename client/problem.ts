/** One fault of an input: `path` is dotted, as in `items.0.title`; `code` is stable. */
export interface Fault {
  path: string
  code: string
  message: string
}

/** What a problem is made of: the problem object of RFC 9457 as both doors send it. */
export interface ProblemFacts {
  code: string
  status: number
  title?: string | undefined
  detail?: string | undefined
  errors?: readonly Fault[] | undefined
  retryAfter?: number | undefined
  current?: unknown
  requestId?: string | undefined
}

/**
 * Why a call has no answer. Write programs against `code`: it is stable, the texts are not. What the server did not say
 * itself has status 0 and one of these codes: `unreachable` (nobody answered; the call may or may not have been done),
 * `closed` (this client was closed), `token_unavailable` (the token function failed), `upload_failed`, `upload_cancelled` (by your
 * signal), `other_file` (an upload is resumed with another file),
 * `listener_failed` (a listener of yours threw), and `offsets_failed` (your store of offsets threw). Where something else
 * was thrown, it is the `cause`.
 */
export class TuttiProblem extends Error {
  override readonly name = 'TuttiProblem'
  readonly code: string
  /** The HTTP status, on both doors. */
  readonly status: number
  readonly detail: string | undefined
  /** All faults of the input, for `invalid_input`. */
  readonly errors: readonly Fault[]
  /** Seconds to wait before a retry can succeed. */
  readonly retryAfter: number | undefined
  /** For `stale_revision`: what is there now. */
  readonly current: unknown
  /** Under which the server has logged it; empty when no server said it. */
  readonly requestId: string

  constructor(facts: ProblemFacts, cause?: unknown) {
    super(`${facts.code}: ${facts.detail ?? facts.title ?? 'no details'}`, cause === undefined ? {} : { cause })
    this.code = facts.code
    this.status = facts.status
    this.detail = facts.detail
    this.errors = facts.errors ?? []
    this.retryAfter = facts.retryAfter
    this.current = facts.current
    this.requestId = facts.requestId ?? ''
  }

  /** Whether the same call may well succeed later, unchanged. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** What no server said. */
export const ownProblem = (code: string, detail: string, cause?: unknown): TuttiProblem =>
  new TuttiProblem({ code, status: 0, detail }, cause)

export const unreachable = (cause: unknown, detail = 'the server could not be reached'): TuttiProblem =>
  ownProblem('unreachable', detail, cause)

export const clientClosed = (): TuttiProblem => ownProblem('closed', 'this client was closed')

export const listenerFailed = (cause: unknown): TuttiProblem => ownProblem('listener_failed', 'a listener threw', cause)

export const tokenUnavailable = (cause: unknown): TuttiProblem =>
  cause instanceof TuttiProblem ? cause : ownProblem('token_unavailable', 'the token function failed', cause)

export const offsetsFailed = (cause: unknown): TuttiProblem =>
  ownProblem('offsets_failed', 'the store of offsets failed', cause)

/** What was thrown, whatever it is: what is no problem came from a connection that broke. */
export const asProblem = (thrown: unknown): TuttiProblem =>
  thrown instanceof TuttiProblem ? thrown : unreachable(thrown)

/** The problem that a server has sent; `unreachable` for anything else, such as the error page of a proxy. */
export function toProblem(sent: unknown): TuttiProblem {
  return isProblem(sent) ? new TuttiProblem(sent) : unreachable(sent, 'the answer was not one of this API')
}

/** Servers and clients are of one kind: a `code` and a `status` tell a problem, the rest has the documented shape. */
const isProblem = (sent: unknown): sent is ProblemFacts =>
  typeof sent === 'object' &&
  sent !== null &&
  'code' in sent &&
  typeof sent.code === 'string' &&
  'status' in sent &&
  typeof sent.status === 'number'
