import { type StateFrame, type ChannelState } from '../kernel/events/frames'
import { waitUntil } from './kernel/wait-until'
import { type Person, type Reply } from './person'

/** Records the state of a channel: the reply to the follow and the frames after it. */
export class StateRecorder {
  readonly frames: StateFrame[] = []
  initial: ChannelState = {}

  static async follow(person: Person, channel: string): Promise<StateRecorder> {
    const recorder = new StateRecorder()
    const socket = await person.socket()
    socket.on('state', (frame: StateFrame) => {
      if (frame.channel === channel) recorder.frames.push(frame)
    })
    const reply = (await socket.timeout(8_000).emitWithAck('channel.follow', { input: { channel } })) as Reply
    if (reply.error !== undefined) throw new Error(reply.error.code)
    recorder.initial = (reply.data as { state: ChannelState }).state
    return recorder
  }

  /** The value with the highest revision, as a client keeps it. */
  latest(key: string): Record<string, unknown> & { rev: number } {
    const values = [this.initial, ...this.frames.map(({ values }) => values)].flatMap(state => state[key] ?? [])
    return values.reduce((kept, value) => (value.rev > kept.rev ? value : kept), { rev: -1 })
  }

  /** Waits until the newest value has all of these fields. */
  async waitFor(key: string, expected: Record<string, unknown>): Promise<void> {
    await waitUntil(() => Object.entries(expected).every(([name, value]) => this.latest(key)[name] === value))
  }
}
