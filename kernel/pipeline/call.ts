import { type Position } from '../events/position'
import { type Actor } from './actor'

/** A call as a transport hands it over. Nothing behind this point sees a request or a socket. */
export interface Call {
  input: unknown
  actor: Actor | null
  /** The client's IP address, for the rate limits of anonymous callers. */
  ipAddress: string
  /** The truncated User-Agent header. */
  userAgent?: string | null
  requestId: string
  /** The Idempotency-Key. */
  idempotencyKey?: string | undefined
}

export interface Answer {
  data: unknown
  page?: { next: string | null; hasMore: boolean }
  /** The channel's position before its state was read. */
  position?: Position & { channel: string }
  /** This is the stored answer of an earlier call with the same key. */
  replayed?: true
}
