/** One validation error of an input: `path` is dotted, as in `items.0.title`; `code` is stable. */
export interface FieldError {
  path: string
  code: string
  message: string
}

/** The problem object of RFC 9457, as sent over REST and the socket. */
export interface ProblemDetails {
  code: string
  status: number
  title?: string | undefined
  detail?: string | undefined
  errors?: readonly FieldError[] | undefined
  retryAfter?: number | undefined
  current?: unknown
  requestId?: string | undefined
}

/**
 * Why a call failed. Program against `code`: it is stable, the texts are not. Problems of the client itself have status 0 and one of
 * these codes: `unreachable` (no response; the call may have taken effect), `closed` (this client was closed), `token_unavailable` (your
 * token function threw), `upload_failed`, `upload_canceled` (by your signal), `file_mismatch` (resumed with a different file),
 * `listener_failed` (a listener threw), `offset_store_failed` (the offset store threw). `cause` is the original error.
 */
export class TuttiProblem extends Error {
  override readonly name = 'TuttiProblem'
  readonly code: string
  /** The HTTP status, also for socket calls; 0 for problems of the client. */
  readonly status: number
  readonly detail: string | undefined
  /** All validation errors, for `invalid_input`. */
  readonly errors: readonly FieldError[]
  /** Seconds to wait before a retry can succeed. */
  readonly retryAfter: number | undefined
  /** The current resource, for `stale_revision`. */
  readonly current: unknown
  /** Id of the request in the server's log; empty for problems of the client. */
  readonly requestId: string

  constructor(details: ProblemDetails, cause?: unknown) {
    super(`${details.code}: ${details.detail ?? details.title ?? 'no details'}`, cause === undefined ? {} : { cause })
    this.code = details.code
    this.status = details.status
    this.detail = details.detail
    this.errors = details.errors ?? []
    this.retryAfter = details.retryAfter
    this.current = details.current
    this.requestId = details.requestId ?? ''
  }

  /** Whether the same call can succeed later: status 0, 429 or 5xx. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** A problem of the client itself, with status 0. */
export const clientProblem = (code: string, detail: string, cause?: unknown): TuttiProblem =>
  new TuttiProblem({ code, status: 0, detail }, cause)

export const unreachable = (cause: unknown, detail = 'the server could not be reached'): TuttiProblem =>
  clientProblem('unreachable', detail, cause)

export const clientClosed = (): TuttiProblem => clientProblem('client_closed', 'this client was closed')

export const listenerFailed = (cause: unknown): TuttiProblem =>
  clientProblem('listener_failed', 'a listener threw', cause)

export const tokenUnavailable = (cause: unknown): TuttiProblem =>
  cause instanceof TuttiProblem ? cause : clientProblem('token_unavailable', 'the token function failed', cause)

export const offsetStoreFailed = (cause: unknown): TuttiProblem =>
  clientProblem('offset_store_failed', 'the store of offsets failed', cause)

/** Wraps anything thrown: an error that is not a TuttiProblem comes from a broken connection. */
export const asProblem = (thrown: unknown): TuttiProblem =>
  thrown instanceof TuttiProblem ? thrown : unreachable(thrown)

/** Parses a problem sent by the server; `unreachable` for anything else, such as the error page of a proxy. */
export function toProblem(sent: unknown): TuttiProblem {
  return isProblem(sent) ? new TuttiProblem(sent) : unreachable(sent, 'the response is not from this API')
}

/** Checks `code` and `status` only: the server keeps the documented shape of the rest. */
const isProblem = (sent: unknown): sent is ProblemDetails =>
  typeof sent === 'object' &&
  sent !== null &&
  'code' in sent &&
  typeof sent.code === 'string' &&
  'status' in sent &&
  typeof sent.status === 'number'
