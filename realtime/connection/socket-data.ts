import { type Socket } from 'socket.io'
import { type Actor } from '../../kernel/pipeline/actor'

/** What an authenticated socket carries as `socket.data`. */
export interface SocketData {
  actor: Actor
  ipAddress: string
  userAgent: string | null
  /** Times of the current token, in epoch milliseconds. */
  issuedAt: number
  expiresAt: number
  /** The `expiresAt` for which `session.expiring` was sent; 0 at first. */
  warnedExpiresAt: number
}

/** The caller of an authenticated socket. */
export const callerOf = (socket: Socket): SocketData => socket.data as SocketData
