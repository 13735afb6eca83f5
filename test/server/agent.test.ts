import { io } from 'socket.io-client'
import { operation } from '../../kernel/operation'
import { productOf } from '../../kernel/product'
import { nothing, nullable, shape, written } from '../../kernel/schema'
import { startWeb } from '../../server/main'
import { arrive } from '../../skills/user-profile/arrive'
import { askOverRest } from '../people'
import { freshWorld } from '../world'

const said = nullable(written)
const common = {
  summary: 'What the caller is.',
  who: 'anyone',
  input: nothing,
  output: shape({ agent: said }),
  limit: { perMinute: 100 },
  load: async () => undefined,
  allow: () => true,
} as const
const readAgent = operation({
  ...common,
  name: 'test.readAgent',
  route: 'GET /agent',
  idempotency: 'read',
  run: async (_call, { agent }) => ({ agent }),
})
const writeAgent = operation({
  ...common,
  name: 'test.writeAgent',
  route: 'PUT /agent',
  idempotency: 'natural',
  run: async (_call, { agent }) => ({ agent }),
})

it('what a program says it is reaches an operation through both doors, cut to a length', async () => {
  await using world = await freshWorld({ nodes: 1 })
  await using node = await startWeb(world.world, productOf([{ operations: [readAgent, writeAgent] }], arrive), 0)
  const url = `http://127.0.0.1:${node.port}`
  const sent = 'x'.repeat(300)
  const socket = io(url, {
    ...{ auth: { token: await world.issuer.tokenFor('ann') }, transports: ['websocket'], forceNew: true },
    extraHeaders: { 'user-agent': sent },
  })
  for (const op of [readAgent, writeAgent]) {
    expect(await askOverRest(url, op, {}, { 'user-agent': sent })).toMatchObject({
      data: { agent: sent.slice(0, 256) },
    })
    expect(await socket.timeout(8_000).emitWithAck(op.name, { input: {} })).toMatchObject({
      data: { agent: sent.slice(0, 256) },
    })
  }
  socket.disconnect()
})
