/**
 * Every way to say no. A refusal is thrown; both doors turn it into the same problem object (RFC 9457). Skills declare
 * theirs with `refusal` in their own `refusals.ts`; what is here can happen to any operation.
 */
export interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail?: string
  errors?: readonly Fault[]
  /** Seconds to wait before a retry can succeed. */
  retryAfter?: number
  /** On a conflict of revisions: what is there now. */
  current?: unknown
  requestId: string
}

export interface Fault {
  path: string
  code: string
  message: string
}

export interface RefusalKind {
  (detail?: string, more?: RefusalMore): Refusal
  readonly code: string
  readonly status: number
  readonly title: string
}

export interface RefusalMore {
  errors?: readonly Fault[]
  retryAfter?: number
  current?: unknown
}

export class Refusal extends Error {
  constructor(
    readonly kind: RefusalKind,
    readonly detail: string | undefined,
    readonly more: RefusalMore,
  ) {
    super(detail ?? kind.title)
    this.name = 'Refusal'
  }

  toProblem(requestId: string): Problem {
    const { code, status, title } = this.kind
    const detail = this.detail === undefined ? {} : { detail: this.detail }
    return { type: `urn:tutti:problem:${code}`, title, status, code, ...detail, ...this.more, requestId }
  }
}

/** Declares a way to say no: a stable code in snake_case, an HTTP status, a title that never changes. */
export function refusal(code: string, status: number, title: string): RefusalKind {
  const kind: RefusalKind = Object.assign(
    (detail?: string, more: RefusalMore = {}) => new Refusal(kind, detail, more),
    { code, status, title },
  )
  return kind
}

export const refusals = {
  malformedJson: refusal('malformed_json', 400, 'The body is not valid JSON'),
  invalidInput: refusal('invalid_input', 400, 'The input is not valid'),
  notSignedIn: refusal('not_signed_in', 401, 'Sign in first'),
  tokenInvalid: refusal('token_invalid', 401, 'The token is not valid'),
  tokenExpired: refusal('token_expired', 401, 'The token has expired'),
  sessionRevoked: refusal('session_revoked', 401, 'This session was ended: sign in again'),
  forbidden: refusal('forbidden', 403, 'You may not do this'),
  originNotAllowed: refusal('origin_not_allowed', 403, 'This origin may not connect'),
  notFound: refusal('not_found', 404, 'There is no such thing, or you may not know of it'),
  unknownOperation: refusal('unknown_operation', 404, 'There is no such operation'),
  methodNotAllowed: refusal('method_not_allowed', 405, 'This path does not take this method'),
  conflict: refusal('conflict', 409, 'This is in conflict with what is there'),
  staleRevision: refusal('stale_revision', 409, 'It was changed meanwhile'),
  tooLarge: refusal('too_large', 413, 'The body is too large'),
  notJson: refusal('not_json', 415, 'Send the body as application/json'),
  keyReused: refusal('idempotency_key_reused', 422, 'This Idempotency-Key was used with another input'),
  tooMany: refusal('too_many_requests', 429, 'Too many calls'),
  internal: refusal('internal', 500, 'Something went wrong on our side'),
  authUnavailable: refusal('auth_unavailable', 503, 'Tokens cannot be checked at the moment'),
  unavailable: refusal('unavailable', 503, 'Not available at the moment'),
  overloaded: refusal('overloaded', 503, 'This node takes no more connections at the moment'),
  moving: refusal('moving', 503, 'This node is going away: ask another'),
} as const

const general: ReadonlySet<RefusalKind> = new Set(Object.values(refusals))

export const isGeneral = (kind: RefusalKind): boolean => general.has(kind)
