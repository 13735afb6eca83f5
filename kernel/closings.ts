import { refusal, type RefusalKind, refusals } from './refusals'

/** Why the server closes a connection. It is sent right before: as `session.closed`, or as `connect_error` before authentication. */
export interface Closing {
  readonly kind: RefusalKind
  readonly when: string
}

/**
 * Every close reason; the type system allows no other. The status decides whether the client reconnects (`comeBack`). A
 * connection closes without a reason where clients should reconnect at once, and where none can be delivered: before the
 * WebSocket or Socket.IO handshake, or when the client sends no credentials.
 */
export const closings = {
  tokenExpired: {
    kind: refusals.tokenExpired,
    when: 'The token expired and `session.refresh` sent no newer one. Sent at most 5 s after the expiry.',
  },
  sessionRevoked: {
    kind: refusals.sessionRevoked,
    when: 'The user or a moderator revoked the session. Every token issued before that is refused.',
  },
  otherSubject: {
    kind: refusal('other_subject', 403, 'The token belongs to another user'),
    when: '`session.refresh` sent a token of another user. A connection keeps its user.',
  },
  flooding: {
    kind: refusal('flooding', 429, 'Too many messages on this connection'),
    when: 'More calls arrived after 200 were refused with `too_many_requests` within 10 s, too many packets of any kind arrived, or a second CONNECT arrived.',
  },
  tooSlow: {
    kind: refusal('too_slow', 429, 'The client reads too slowly'),
    when: 'More than 1 MB was queued for this connection, or the client read nothing for 15 s. Follow again after your last offsets.',
  },
  malformed: {
    kind: refusal('malformed_packet', 400, 'Invalid Socket.IO packet'),
    when: 'A packet was not valid Socket.IO, announced attachments that never arrived, or used a reserved event name.',
  },
} as const satisfies Record<string, Closing>

export const listOfClosings: readonly Closing[] = Object.values(closings)

/** What a client does after `session.closed`, by the status of the problem. Without `session.closed` it reconnects at once. */
export const comeBack: Readonly<Record<number, string>> = {
  400: 'Do not reconnect automatically',
  401: 'Reconnect with a new token',
  403: 'Do not reconnect automatically',
  429: 'Reconnect after `retryAfter` seconds',
  503: 'Reconnect after `retryAfter` seconds',
}
