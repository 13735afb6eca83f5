import { io } from 'socket.io-client'
import { operation } from '../../kernel/pipeline/operation'
import { createRegistry } from '../../kernel/pipeline/registry'
import { emptyObject, nullable, shape, outputText } from '../../kernel/pipeline/schema'
import { startWeb } from '../../server/main'
import { provisionProfile } from '../../skills/user-profile/provision-profile'
import { requestOverRest } from '../person'
import { createTestApp } from '../test-app'

const maybeAgent = nullable(outputText)
const common = {
  summary: "Return the caller's User-Agent.",
  auth: 'public',
  input: emptyObject,
  output: shape({ agent: maybeAgent }),
  limit: { perMinute: 100 },
  load: async () => undefined,
  allow: () => true,
} as const
const readAgent = operation({
  ...common,
  name: 'test.readAgent',
  route: 'GET /agent',
  idempotency: 'read',
  run: async (_call, { userAgent }) => ({ agent: userAgent }),
})
const writeAgent = operation({
  ...common,
  name: 'test.writeAgent',
  route: 'PUT /agent',
  idempotency: 'natural',
  run: async (_call, { userAgent }) => ({ agent: userAgent }),
})

it('the User-Agent reaches an operation through both transports, truncated', async () => {
  await using testApp = await createTestApp({ nodes: 1 })
  await using node = await startWeb(testApp.app, createRegistry([{ readAgent, writeAgent }], provisionProfile), 0)
  const url = `http://127.0.0.1:${node.port}`
  const sent = 'x'.repeat(300)
  const socket = io(url, {
    ...{ auth: { token: await testApp.issuer.issueToken('ann') }, transports: ['websocket'], forceNew: true },
    extraHeaders: { 'user-agent': sent },
  })
  for (const op of [readAgent, writeAgent]) {
    expect(await requestOverRest(url, op, {}, { 'user-agent': sent })).toMatchObject({
      data: { agent: sent.slice(0, 256) },
    })
    expect(await socket.timeout(8_000).emitWithAck(op.name, { input: {} })).toMatchObject({
      data: { agent: sent.slice(0, 256) },
    })
  }
  socket.disconnect()
})
