import { keyedOperations, type Operations } from './operations'
import { randomId } from './random-id'
import { type Answer, isUnreachable, type Question, type Road } from './road'

export type OperationName = keyof Operations
export type InputOf<N extends OperationName> = Operations[N]['input']
export type DataOf<N extends OperationName> = Operations[N]['data']
/** The operations that answer with a part of a list. */
export type ListName = { [N in OperationName]: Operations[N]['page'] extends true ? N : never }[OperationName]

export interface CallOptions {
  /** An Idempotency-Key of your own, 1 to 255 characters: the same call with the same key is done once within 24 h. */
  key?: string
}

export interface Part<N extends ListName> {
  data: DataOf<N>
  /** Send it as `cursor` to read on; null at the end. */
  next: string | null
}

/** Asks over one road and, when nobody answers there, over the next: the key makes sure that it is done once. */
export class Calls {
  constructor(
    private readonly roads: (question: Question) => readonly Road[],
    /** Aborts, with the problem to throw, when the client is closed: what is not a call ends by that. */
    readonly closing: AbortSignal,
  ) {}

  async call<N extends OperationName>(name: N, input: InputOf<N>, options: CallOptions = {}): Promise<DataOf<N>> {
    return (await this.ask(name, input, options)).data as DataOf<N>
  }

  async callPage<N extends ListName>(name: N, input: InputOf<N>): Promise<Part<N>> {
    const { data, page } = await this.ask(name, input)
    return { data: data as DataOf<N>, next: page?.next ?? null }
  }

  async *pages<N extends ListName>(name: N, input: InputOf<N>): AsyncGenerator<DataOf<N>, void, undefined> {
    let part = await this.callPage(name, input)
    yield part.data
    while (part.next !== null) {
      part = await this.callPage(name, { ...input, cursor: part.next })
      yield part.data
    }
  }

  /** The whole answer of an operation, whatever it is. */
  async ask(name: OperationName, input: object, { key = randomId() }: CallOptions = {}): Promise<Answer> {
    const question = { name, input, ...(keyedOperations.includes(name) && { key }) }
    let lost: unknown
    for (const road of this.roads(question)) {
      try {
        return await road.ask(question)
      } catch (error) {
        if (!isUnreachable(error)) throw error
        lost ??= error
      }
    }
    throw lost
  }
}
