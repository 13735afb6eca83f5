import { refusal, type RefusalKind, refusals } from '../pipeline/refusals'

/** Why the server closes a connection. It is sent right before: as `connection.closed`, or as `connect_error` before authentication. */
export interface CloseReason {
  readonly refusalKind: RefusalKind
  readonly description: string
  /** Whether the Socket.IO socket is disconnected too, so that a plain socket.io-client does not reconnect by itself. */
  readonly disconnects: boolean
}

/**
 * Every close reason; the type system allows no other. The status decides whether the client reconnects (`reconnect`). A
 * connection closes without a reason where clients should reconnect at once, and where none can be delivered: before the
 * WebSocket or Socket.IO handshake, or when the client sends no credentials.
 */
export const closeReasons = {
  tokenExpired: {
    refusalKind: refusals.tokenExpired,
    disconnects: true,
    description: 'The token expired and `session.refresh` sent no newer one. Sent at most 5 s after the expiry.',
  },
  sessionRevoked: {
    refusalKind: refusals.sessionRevoked,
    disconnects: true,
    description: 'The user or a moderator revoked the session. Every token issued before that is refused.',
  },
  subjectMismatch: {
    refusalKind: refusal('token_subject_mismatch', 403, 'The token belongs to another user'),
    disconnects: true,
    description: '`session.refresh` sent a token of another user. A connection keeps its user.',
  },
  tooManyMessages: {
    refusalKind: refusal('too_many_messages', 429, 'Too many messages on this connection'),
    disconnects: false,
    description:
      'More calls arrived after 200 were refused with `too_many_requests` within 10 s, too many packets of any kind arrived, or a second CONNECT arrived.',
  },
  slowConsumer: {
    refusalKind: refusal('slow_consumer', 429, 'The client reads too slowly'),
    disconnects: false,
    description:
      'More than 1 MB was queued for this connection, or the client read nothing for 15 s. Follow again after your last offsets.',
  },
  malformedPacket: {
    refusalKind: refusal('malformed_packet', 400, 'Invalid Socket.IO packet'),
    disconnects: false,
    description:
      'A packet was not valid Socket.IO, announced attachments that never arrived, or used a reserved event name.',
  },
} as const satisfies Record<string, CloseReason>

export const closeReasonList: readonly CloseReason[] = Object.values(closeReasons)

/** What a client does after `connection.closed`, by the status of the problem. Without `connection.closed` it reconnects at once. */
export const reconnectByStatus: Readonly<Record<number, string>> = {
  400: 'Do not reconnect automatically',
  401: 'Reconnect with a new token',
  403: 'Do not reconnect automatically',
  429: 'Reconnect after `retryAfter` seconds',
  503: 'Reconnect after `retryAfter` seconds',
}
