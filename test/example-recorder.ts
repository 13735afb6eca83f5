import { randomUUID } from 'node:crypto'
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Socket } from 'socket.io-client'
import { type Recording } from '../dev/docs/read-recordings'

/**
 * Writes what tests send and receive to the folder `RECORD_EXAMPLES`, from which `npm run docs -- --record` chooses the
 * examples of the documentation. Without the variable it does nothing.
 */
export const exampleRecorder = {
  /** Records a call that succeeded. */
  recordCall(name: string, input: unknown, reply: object): void {
    if ('error' in reply && reply.error !== undefined) return
    const { data, page, position } = reply as { data?: unknown; page?: unknown; position?: unknown }
    write({ kind: 'call', name, value: { input, data, page, position } })
  },

  /** Records a Socket.IO packet that was received without a client. */
  recordPacket(text: string): void {
    if (folder === undefined || !text.startsWith('42[')) return
    const [name, payload] = JSON.parse(text.slice(2)) as [string, unknown]
    write({ kind: 'message', name, value: payload })
  },

  /** Records all calls and messages of a connection. */
  recordSocket(socket: Socket): void {
    if (folder === undefined) return
    socket.onAny((name: string, payload: unknown) => write({ kind: 'message', name, value: payload }))
    const send = socket.emitWithAck.bind(socket)
    socket.emitWithAck = async (name: string, ...sent: unknown[]) => {
      const reply = (await send(name, ...sent)) as object
      exampleRecorder.recordCall(name, (sent[0] as { input?: unknown } | undefined)?.input, reply)
      return reply
    }
  },
}

const folder = process.env.RECORD_EXAMPLES
/** A file for each test file, because several workers record at once. */
const file = join(folder ?? '', `${process.pid}-${randomUUID()}.jsonl`)
const recordingLengthMax = 16_000
/** Enough to choose from: load tests make the same call thousands of times. */
const recordingsPerNameMax = 300
const counts = new Map<string, number>()

function write(recording: Recording): void {
  if (folder === undefined) return
  const line = JSON.stringify(recording)
  const key = contentOf(recording)
  const count = counts.get(key) ?? 0
  if (line.length > recordingLengthMax || count >= recordingsPerNameMax) return
  counts.set(key, count + 1)
  mkdirSync(folder, { recursive: true })
  appendFileSync(file, `${line}\n`)
}

/** The name, and of a frame also the names of its events and values: each needs an example. */
function contentOf({ name, value }: Recording): string {
  const { events = [], values = {} } = (value ?? {}) as { events?: { name: string }[]; values?: object }
  return JSON.stringify([name, events.map(event => event.name), Object.keys(values)])
}
