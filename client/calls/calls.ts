import { keyedOperations, type Operations } from '../operations'
import { randomId } from '../random-id'
import { type CallResponse, isUnreachable, type CallRequest, type CallTransport } from './call-transport'

export type OperationName = keyof Operations
export type InputOf<N extends OperationName> = Operations[N]['input']
export type DataOf<N extends OperationName> = Operations[N]['data']
/** Operations that return a page of a list. */
export type ListOperationName = { [N in OperationName]: Operations[N]['page'] extends true ? N : never }[OperationName]

export interface CallOptions {
  /** Your own Idempotency-Key, 1 to 255 characters: calls with the same key take effect once within 24 h. */
  idempotencyKey?: string
}

export interface Page<N extends ListOperationName> {
  data: DataOf<N>
  /** The `cursor` of the next page; null at the end. */
  nextCursor: string | null
}

/** Sends calls over one transport, and over the next when there is no response; the idempotency key makes this safe. */
export class Calls {
  constructor(
    private readonly routesFor: (request: CallRequest) => readonly CallTransport[],
    /** Aborts when the client is closed, with the problem to throw; uploads end by it. */
    readonly closed: AbortSignal,
  ) {}

  async call<N extends OperationName>(name: N, input: InputOf<N>, options: CallOptions = {}): Promise<DataOf<N>> {
    return (await this.send(name, input, options)).data as DataOf<N>
  }

  async callPage<N extends ListOperationName>(name: N, input: InputOf<N>): Promise<Page<N>> {
    const { data, page } = await this.send(name, input)
    return { data: data as DataOf<N>, nextCursor: page?.next ?? null }
  }

  async *pages<N extends ListOperationName>(name: N, input: InputOf<N>): AsyncGenerator<DataOf<N>, void, undefined> {
    let part = await this.callPage(name, input)
    yield part.data
    while (part.nextCursor !== null) {
      part = await this.callPage(name, { ...input, cursor: part.nextCursor })
      yield part.data
    }
  }

  /** Returns the whole response of an operation. @throws TuttiProblem */
  async send(
    name: OperationName,
    input: object,
    { idempotencyKey = randomId() }: CallOptions = {},
  ): Promise<CallResponse> {
    const request = { name, input, ...(keyedOperations.includes(name) && { key: idempotencyKey }) }
    let firstError: unknown
    for (const route of this.routesFor(request)) {
      try {
        return await route.send(request)
      } catch (error) {
        if (!isUnreachable(error)) throw error
        firstError ??= error
      }
    }
    throw firstError
  }
}
