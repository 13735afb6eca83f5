import { type StateFrame, type StreamState } from '../kernel/stream'
import { until } from './kernel/until'
import { type Person, type Reply } from './people'

/** Records the state of a channel: the reply to the follow and the frames after it. */
export class StateEar {
  readonly frames: StateFrame[] = []
  first: StreamState = {}

  static async on(person: Person, channel: string): Promise<StateEar> {
    const recorder = new StateEar()
    const socket = await person.socket()
    socket.on('state', (frame: StateFrame) => {
      if (frame.channel === channel) recorder.frames.push(frame)
    })
    const reply = (await socket.timeout(8_000).emitWithAck('channel.follow', { input: { channel } })) as Reply
    if (reply.error !== undefined) throw new Error(reply.error.code)
    recorder.first = (reply.data as { state: StreamState }).state
    return recorder
  }

  /** The value with the highest revision, as a client keeps it. */
  newest(key: string): Record<string, unknown> & { rev: number } {
    const values = [this.first, ...this.frames.map(({ values }) => values)].flatMap(state => state[key] ?? [])
    return values.reduce((kept, value) => (value.rev > kept.rev ? value : kept), { rev: -1 })
  }

  /** Waits until the newest value has all of these fields. */
  async reaches(key: string, expected: Record<string, unknown>): Promise<void> {
    await until(() => Object.entries(expected).every(([name, value]) => this.newest(key)[name] === value))
  }
}
