import { type Server, type Socket } from 'socket.io'

export type Connection = Socket['conn']

/** Time for a client to read its send queue before the connection is cut. */
const flushMaxMs = 2_000

/**
 * Closes the transport after the send queue is flushed, and cuts it after `flushMs`. Every client then reconnects by itself;
 * after `disconnect(true)` a plain socket.io-client would not.
 */
export function closeTransport(conn: Connection, flushMs = flushMaxMs): void {
  conn.close()
  const cut = () => {
    const wire = webSocketOf(conn)
    // Engine.IO drops the connection at once, but the WebSocket would still wait for the peer's close frame: terminate it.
    conn.close(true)
    wire?.terminate()
  }
  setTimeout(cut, flushMs).unref()
}

/** The `ws` socket inside an Engine.IO 6.x transport, which is not part of its public types. */
interface RawWebSocket {
  terminate(): void
  /** Bytes handed to the WebSocket that the operating system has not taken yet. */
  readonly bufferedAmount: number
}

/** All Engine.IO connections by id, including those without an authenticated socket. Reads Engine.IO's `clients`. */
export const connectionsOf = (io: Server): Readonly<Record<string, Connection>> =>
  (io.engine as unknown as { clients: Record<string, Connection> }).clients

/** The WebSocket of a connection; undefined for long-polling. */
export function webSocketOf({ transport }: Connection): RawWebSocket | undefined {
  return transport.name === 'websocket' && 'socket' in transport ? (transport.socket as RawWebSocket) : undefined
}

export interface QueuedPacket {
  data?: string | NodeJS.ArrayBufferView
}

/** Packets that wait for the transport: Engine.IO's `writeBuffer`, which it replaces by a new array at every flush. */
export const sendQueueOf = (conn: Connection): readonly QueuedPacket[] =>
  (conn as unknown as { writeBuffer: readonly QueuedPacket[] }).writeBuffer
