import { keyedOperations, type Operations } from './operations'
import { randomId } from './random-id'
import { type Answer, isUnreachable, type Question, type Road } from './road'

export type OperationName = keyof Operations
export type InputOf<N extends OperationName> = Operations[N]['input']
export type DataOf<N extends OperationName> = Operations[N]['data']
/** Operations that return a page of a list. */
export type ListName = { [N in OperationName]: Operations[N]['page'] extends true ? N : never }[OperationName]

export interface CallOptions {
  /** Your own Idempotency-Key, 1 to 255 characters: calls with the same key take effect once within 24 h. */
  key?: string
}

export interface Part<N extends ListName> {
  data: DataOf<N>
  /** The `cursor` of the next page; null at the end. */
  next: string | null
}

/** Sends calls over one transport, and over the next when there is no response; the idempotency key makes this safe. */
export class Calls {
  constructor(
    private readonly routesFor: (request: Question) => readonly Road[],
    /** Aborts when the client is closed, with the problem to throw; uploads end by it. */
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

  /** Returns the whole response of an operation. @throws TuttiProblem */
  async ask(name: OperationName, input: object, { key = randomId() }: CallOptions = {}): Promise<Answer> {
    const request = { name, input, ...(keyedOperations.includes(name) && { key }) }
    let firstError: unknown
    for (const route of this.routesFor(request)) {
      try {
        return await route.ask(request)
      } catch (error) {
        if (!isUnreachable(error)) throw error
        firstError ??= error
      }
    }
    throw firstError
  }
}
