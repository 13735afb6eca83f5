import { toProblem } from '../problem'
import { type CallResponse, type CallRequest } from '../calls/call-transport'
import { isFields, type Position } from '../channels/frames'

interface PendingFollow {
  input: { channel: string; after?: Position }
  resolve: (data: unknown) => void
  reject: (error: unknown) => void
}

/** Server limit of channels in one `channel.followAll`. */
const batchMax = 100

/** Batches the follows of one moment, such as after a reconnect, into one `channel.followAll`. */
export class FollowBatcher {
  #pending: PendingFollow[] = []

  constructor(private readonly ask: (request: CallRequest) => Promise<CallResponse>) {}

  /** Returns the server's answer to `channel.follow`. @throws TuttiProblem */
  follow(input: PendingFollow['input']): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#pending.length === 0) void Promise.resolve().then(() => this.#send())
      this.#pending.push({ input, resolve, reject })
    })
  }

  #send(): void {
    const pending = this.#pending
    this.#pending = []
    for (let at = 0; at < pending.length; at += batchMax) this.#sendBatch(pending.slice(at, at + batchMax))
  }

  #sendBatch(batch: readonly PendingFollow[]): void {
    if (batch.length > 1) void this.#sendTogether(batch)
    else
      for (const { input, resolve, reject } of batch)
        this.ask({ name: 'channel.follow', input }).then(({ data }) => resolve(data), reject)
  }

  async #sendTogether(batch: readonly PendingFollow[]): Promise<void> {
    try {
      const channels = batch.map(({ input }) => input)
      const { data } = await this.ask({ name: 'channel.followAll', input: { channels } })
      const followed: unknown = isFields(data) && data.followed
      for (const [index, { resolve, reject }] of batch.entries()) {
        const outcome: unknown = Array.isArray(followed) && followed[index]
        if (isFields(outcome) && 'data' in outcome) resolve(outcome.data)
        else reject(toProblem(isFields(outcome) ? outcome.error : outcome))
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
