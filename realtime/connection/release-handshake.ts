import { type Socket } from 'socket.io'

/**
 * Drops the handshake request, its headers and the token from an authenticated socket: Socket.IO keeps them for the lifetime of
 * the connection, which costs some KB each, and nothing reads them any more.
 */
export function releaseHandshake(socket: Socket): void {
  Object.assign(socket.handshake, { headers: empty, auth: empty, query: empty, url: '' })
  Object.assign(socket.conn, { request: undefined })
}

const empty = Object.freeze({})
