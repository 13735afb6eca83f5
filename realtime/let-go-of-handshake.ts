import { type Socket } from 'socket.io'

/**
 * The request of a handshake, its headers, and the token stay with the connection for as long as it lives (some KB a
 * connection): nobody needs them after the socket was admitted.
 */
export function letGoOfHandshake(socket: Socket): void {
  Object.assign(socket.handshake, { headers: nothing, auth: nothing, query: nothing, url: '' })
  Object.assign(socket.conn, { request: undefined })
}

const nothing = Object.freeze({})
