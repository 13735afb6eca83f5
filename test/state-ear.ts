import { type StateFrame, type StreamState } from '../kernel/stream'
import { until } from './kernel/until'
import { type Person, type Reply } from './people'

/** What a follower of a channel is told of its state: the first answer, and the frames after it. */
export class StateEar {
  readonly frames: StateFrame[] = []
  first: StreamState = {}

  static async on(person: Person, channel: string): Promise<StateEar> {
    const ear = new StateEar()
    const socket = await person.socket()
    socket.on('state', (frame: StateFrame) => {
      if (frame.channel === channel) ear.frames.push(frame)
    })
    const reply = (await socket.timeout(8_000).emitWithAck('channel.follow', { input: { channel } })) as Reply
    if (reply.error !== undefined) throw new Error(reply.error.code)
    ear.first = (reply.data as { state: StreamState }).state
    return ear
  }

  /** The newest value, as a client would keep it. */
  newest(key: string): Record<string, unknown> & { rev: number } {
    const values = [this.first, ...this.frames.map(({ values }) => values)].flatMap(state => state[key] ?? [])
    return values.reduce((kept, value) => (value.rev > kept.rev ? value : kept), { rev: -1 })
  }

  /** Resolves once the newest value has all of these. */
  async reaches(key: string, wanted: Record<string, unknown>): Promise<void> {
    await until(() => Object.entries(wanted).every(([name, value]) => this.newest(key)[name] === value))
  }
}
