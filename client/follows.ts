import { asProblem, toProblem } from './problem'
import { type Answer, type Question } from './road'
import { isFields, type Position } from './stream'

interface Wish {
  input: { channel: string; after?: Position }
  resolve: (data: unknown) => void
  reject: (error: unknown) => void
}

/** As many as the server takes in one question. */
const wishesMax = 100

/** Follows that are asked for in one moment, as when a connection is new, travel as one question. */
export class Follows {
  #wishes: Wish[] = []
  /** A server of the release before knows one at a time only. */
  #isSingly = false

  constructor(private readonly ask: (question: Question) => Promise<Answer>) {}

  /** What the server answers to `channel.follow`. @throws TuttiProblem */
  follow(input: Wish['input']): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#wishes.length === 0) void Promise.resolve().then(() => this.#send())
      this.#wishes.push({ input, resolve, reject })
    })
  }

  #send(): void {
    const wishes = this.#wishes
    this.#wishes = []
    for (let at = 0; at < wishes.length; at += wishesMax) this.#sendSome(wishes.slice(at, at + wishesMax))
  }

  #sendSome(wishes: readonly Wish[]): void {
    if (wishes.length > 1 && !this.#isSingly) void this.#sendTogether(wishes)
    else
      for (const { input, resolve, reject } of wishes)
        this.ask({ name: 'channel.follow', input }).then(({ data }) => resolve(data), reject)
  }

  async #sendTogether(wishes: readonly Wish[]): Promise<void> {
    try {
      const input = { channels: wishes.map(wish => wish.input) }
      const { data } = await this.ask({ name: 'channel.followAll', input })
      const followed: unknown = isFields(data) && data.followed
      for (const [index, { resolve, reject }] of wishes.entries()) {
        const outcome: unknown = Array.isArray(followed) && followed[index]
        if (isFields(outcome) && 'data' in outcome) resolve(outcome.data)
        else reject(toProblem(isFields(outcome) ? outcome.error : outcome))
      }
    } catch (error) {
      if (asProblem(error).code === 'unknown_operation') {
        this.#isSingly = true
        this.#sendSome(wishes)
      } else for (const { reject } of wishes) reject(error)
    }
  }
}
