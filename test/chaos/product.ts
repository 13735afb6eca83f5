import { channel, event } from '../../kernel/event'
import { operation } from '../../kernel/operation'
import { type Product } from '../../kernel/product'
import { count, done, id, isDone, list, pattern, shape } from '../../kernel/schema'
import { product } from '../../skills'

const boards = list(id, 5)
const pad = pattern(/^x+$/, 24_000)

export const boardOf = (channelName: string): string => channelName.replace('board:', '')
export const channelOf = (board: string): string => `board:${board}`

const written = event({
  name: 'chaos.written',
  summary: 'Somebody wrote on some boards.',
  payload: shape({ boards, write: id, n: count, pad }),
  channels: ({ boards: on }) => on.map(channelOf),
})

/** Writes on boards: nothing but the event. `write` is the writer's own name for it, by which it is found again in the log. */
export const write = operation({
  name: 'chaos.write',
  route: 'POST /chaos/writes',
  summary: 'Writes on boards.',
  who: 'signed-in',
  input: shape({ boards, write: id, n: count, pad }),
  output: done,
  limit: { perMinute: 1 },
  idempotency: 'keyed',
  status: 201,
  load: async () => null,
  allow: () => true,
  async run({ input }, { emit }) {
    await emit(written, input)
    return isDone
  },
})

const board = channel({
  kind: 'board',
  summary: 'what is written on a board',
  load: async found => ({ id: found }),
  allow: () => true,
})

/** The product, with boards that anybody may write on and follow. Limits are counted as ever, but never reached. */
export const chaosProduct: Product = {
  ...product,
  operations: [...product.operations, write].map(op => ({ ...op, limit: { perMinute: 1_000_000_000 } })),
  events: [...product.events, written],
  channels: [...product.channels, board],
}
