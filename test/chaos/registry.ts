import { event } from '../../kernel/events/event'
import { channel } from '../../kernel/events/channel'
import { operation } from '../../kernel/pipeline/operation'
import { type Registry } from '../../kernel/pipeline/registry'
import { count, done, id, doneAnswer, list, pattern, shape } from '../../kernel/pipeline/schema'
import { registry } from '../../skills'

const boards = list(id, 5)
const pad = pattern(/^x+$/, 24_000)

export const boardOf = (channelName: string): string => channelName.replace('board:', '')
export const channelOf = (board: string): string => `board:${board}`

const written = event({
  name: 'chaos.written',
  summary: 'Boards were written on',
  payload: shape({ boards, write: id, n: count, pad }),
  channels: ({ boards: on }) => on.map(channelOf),
})

/** Emits an event on some boards. `write` is the writer's id for it, by which the oracle finds it in the log. */
export const writeBoards = operation({
  name: 'chaos.write',
  route: 'POST /chaos/writes',
  summary: 'Write on boards',
  auth: 'signed-in',
  input: shape({ boards, write: id, n: count, pad }),
  output: done,
  limit: { perMinute: 1 },
  idempotency: 'keyed',
  status: 201,
  load: async () => null,
  allow: () => true,
  async run({ input }, { emit }) {
    await emit(written, input)
    return doneAnswer
  },
})

const board = channel({
  kind: 'board',
  summary: 'A board',
  load: async boardId => ({ id: boardId }),
  allow: () => true,
})

/** The registry of the product plus boards that everybody may write on and follow. Rate limits are counted but never reached. */
export const chaosRegistry: Registry = {
  ...registry,
  operations: [...registry.operations, writeBoards].map(op => ({ ...op, limit: { perMinute: 1_000_000_000 } })),
  events: [...registry.events, written],
  channels: [...registry.channels, board],
}
