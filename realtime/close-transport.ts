import { type Server, type Socket } from 'socket.io'

export type Connection = Socket['conn']

/** So long a client may take to read what waits for it before the connection is cut. */
const flushMaxMs = 2_000

/**
 * Closes a connection in the one way after which every client comes back by itself: what waits is still sent to whoever
 * reads it, and nothing more goes in or out. `disconnect(true)` would tell a plain client to stay away.
 */
export function closeTransport(conn: Connection, flushMs = flushMaxMs): void {
  conn.close()
  const cut = () => {
    const wire = wireOf(conn)
    // The engine lets go of it at once; the WebSocket behind would wait for the other end to say good-bye.
    conn.close(true)
    wire?.terminate()
  }
  setTimeout(cut, flushMs).unref()
}

/** What the engine keeps to itself, read at this one place: its versions 6.x have it like this. */
interface Wire {
  terminate(): void
  /** Bytes handed to the WebSocket that the kernel has not taken. */
  readonly bufferedAmount: number
}

/** All connections by their session id, those included that have not signed in yet. */
export const connectionsOf = (io: Server): Readonly<Record<string, Connection>> =>
  (io.engine as unknown as { clients: Record<string, Connection> }).clients

/** The WebSocket of a connection; long-polling has none. */
export function wireOf({ transport }: Connection): Wire | undefined {
  return transport.name === 'websocket' && 'socket' in transport ? (transport.socket as Wire) : undefined
}

export interface Packet {
  data?: string | NodeJS.ArrayBufferView
}

/** Packets that wait until the transport takes them. The engine begins a new array whenever it handed one on. */
export const queueOf = (conn: Connection): readonly Packet[] =>
  (conn as unknown as { writeBuffer: readonly Packet[] }).writeBuffer
