/**
 * Refusals are thrown; both transports answer with the same problem object (RFC 9457). Skills declare their own with
 * `refusal` in their `refusals.ts`; the ones here may happen to any operation.
 */
export interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail?: string
  errors?: readonly FieldError[]
  /** Seconds to wait before a retry can succeed. */
  retryAfter?: number
  /** With `stale_revision`: the current resource. */
  current?: unknown
  requestId: string
}

export interface FieldError {
  path: string
  code: string
  message: string
}

export interface RefusalKind {
  (detail?: string, more?: RefusalExtras): Refusal
  readonly code: string
  readonly status: number
  readonly title: string
}

export interface RefusalExtras {
  errors?: readonly FieldError[]
  retryAfter?: number
  current?: unknown
}

export class Refusal extends Error {
  constructor(
    readonly kind: RefusalKind,
    readonly detail: string | undefined,
    readonly extras: RefusalExtras,
  ) {
    super(detail ?? kind.title)
    this.name = 'Refusal'
  }

  toProblem(requestId: string): Problem {
    const { code, status, title } = this.kind
    const detail = this.detail === undefined ? {} : { detail: this.detail }
    return { type: `urn:tutti:problem:${code}`, title, status, code, ...detail, ...this.extras, requestId }
  }
}

/** Declares a refusal: a stable code in snake_case, an HTTP status, and a title that is the same for every occurrence. */
export function refusal(code: string, status: number, title: string): RefusalKind {
  const kind: RefusalKind = Object.assign(
    (detail?: string, more: RefusalExtras = {}) => new Refusal(kind, detail, more),
    { code, status, title },
  )
  return kind
}

export const refusals = {
  malformedJson: refusal('malformed_json', 400, 'The request body is not valid JSON'),
  invalidInput: refusal('invalid_input', 400, 'The input is invalid'),
  notSignedIn: refusal('not_signed_in', 401, 'Sign in first'),
  tokenInvalid: refusal('token_invalid', 401, 'The access token is invalid'),
  tokenExpired: refusal('token_expired', 401, 'The access token has expired'),
  sessionRevoked: refusal('session_revoked', 401, 'The session was revoked: sign in again'),
  forbidden: refusal('forbidden', 403, 'You do not have permission'),
  originNotAllowed: refusal('origin_not_allowed', 403, 'The origin is not allowed'),
  notFound: refusal('not_found', 404, 'The resource does not exist or is not visible to you'),
  unknownOperation: refusal('unknown_operation', 404, 'Unknown operation or path'),
  methodNotAllowed: refusal('method_not_allowed', 405, 'The path does not support this method'),
  conflict: refusal('conflict', 409, 'The request conflicts with the current state'),
  staleRevision: refusal('stale_revision', 409, 'The resource has changed since you read it'),
  bodyTooLarge: refusal('payload_too_large', 413, 'The request body is too large'),
  unsupportedMediaType: refusal('unsupported_media_type', 415, 'Send the body as application/json'),
  idempotencyKeyReused: refusal('idempotency_key_reused', 422, 'The Idempotency-Key was used with different input'),
  tooManyRequests: refusal('too_many_requests', 429, 'Too many requests'),
  internalError: refusal('internal_error', 500, 'Internal server error'),
  authUnavailable: refusal('auth_unavailable', 503, 'Tokens cannot be verified at the moment'),
  unavailable: refusal('unavailable', 503, 'Temporarily unavailable'),
  overloaded: refusal('overloaded', 503, 'The node accepts no more connections at the moment'),
  draining: refusal('node_draining', 503, 'The node is shutting down: use another'),
} as const

/** `invalid_input` for one field, after the schema has accepted the input. `path` is the field's name. */
export const invalidField = (path: string, code: string, message: string): Refusal =>
  refusals.invalidInput(undefined, { errors: [{ path, code, message }] })

/** The node shuts down. Short, because nginx finds another node by then. */
export const drainingRefusal = (): Refusal => refusals.draining(undefined, { retryAfter: 1 })

const generalKinds: ReadonlySet<RefusalKind> = new Set(Object.values(refusals))

export const isGeneralRefusal = (kind: RefusalKind): boolean => generalKinds.has(kind)
