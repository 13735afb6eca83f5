import { refusal, type RefusalKind, refusals } from './refusals'

/** A way in which the server ends a connection, said right before: with `session.closed`, or `connect_error` to who is not signed in. */
export interface Closing {
  readonly kind: RefusalKind
  readonly when: string
}

/**
 * Every reason that the server gives for ending a connection: no other can be given. Whether to come back follows from the
 * status (`comeBack`). Without a reason it ends where clients are to come back at once, and where nothing can be said: to what is
 * no WebSocket or no Socket.IO, or does not say who it is.
 */
export const closings = {
  tokenExpired: {
    kind: refusals.tokenExpired,
    when: 'The token expired and no newer one came with `session.refresh`, at the latest 5 s after the expiry.',
  },
  sessionRevoked: {
    kind: refusals.sessionRevoked,
    when: 'The session was ended, by its person or by a moderator: every token issued until then is refused.',
  },
  otherSubject: {
    kind: refusal('other_subject', 403, 'This token speaks for somebody else'),
    when: '`session.refresh` came with a token of another person: a connection never changes hands.',
  },
  flooding: {
    kind: refusal('flooding', 429, 'This connection sends too much'),
    when: 'Calls went on after 200 had been refused with `too_many_requests` within 10 s, packets of any kind came without end, or a second CONNECT.',
  },
  tooSlow: {
    kind: refusal('too_slow', 429, 'This connection takes too slowly what is sent to it'),
    when: 'More than 1 MB waited for this connection, or nothing left for 15 s. Follow again after your last places.',
  },
  malformed: {
    kind: refusal('malformed_packet', 400, 'This is no packet of Socket.IO'),
    when: 'What came was no packet of Socket.IO, announced parts that are not there, or was an event with a reserved name.',
  },
} as const satisfies Record<string, Closing>

export const listOfClosings: readonly Closing[] = Object.values(closings)

/** What a client does after `session.closed`, by the status of the problem. Without `session.closed` it comes back at once. */
export const comeBack: Readonly<Record<number, string>> = {
  400: 'never by itself',
  401: 'with a new token',
  403: 'never by itself',
  429: 'after `retryAfter` seconds',
  503: 'after `retryAfter` seconds',
}
