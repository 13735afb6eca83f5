import { type Position } from '../../client'
import { createListener, openClient, waitUntil } from './open-client'
import { channel, makeProblem, ScriptedServer } from './scripted-server'

/** Browser APIs that Node does not have. */
const page = new EventTarget()
const asPage = {
  addEventListener: page.addEventListener.bind(page),
  removeEventListener: page.removeEventListener.bind(page),
}
beforeAll(() => Object.assign(globalThis, asPage))
afterAll(() => {
  for (const name of Object.keys(asPage)) Reflect.deleteProperty(globalThis, name)
})
afterEach(() => void jest.restoreAllMocks())

it('stores the delivered offset on `pagehide`', async () => {
  await using server = await ScriptedServer.open()
  const stored: Position[] = []
  const offsets = { get: () => null, set: (_channel: string, position: Position) => void stored.push(position) }
  using client = openClient({ url: server.url, token: 'token', transports: ['socket'], offsets })
  await client.follow(channel, event => {
    if (event.offset === 2) page.dispatchEvent(new Event('pagehide'))
  })
  server.sendFrame(server.appendEvents(3))
  // The start position, or the one before the event that is being delivered.
  await waitUntil('it is stored', () => stored.length > 0)
  expect(stored[0]?.offset).toBeLessThan(2)
  await client.close()
  expect(stored.at(-1)).toEqual({ epoch: 'a', offset: 3 })
})

it('reconnects at once on `online`, unless the server sent `retryAfter`', async () => {
  // Make every back-off delay last minutes.
  jest.spyOn(Math, 'random').mockReturnValue(1_000)
  await using server = await ScriptedServer.open()
  server.refusals.push(makeProblem('unavailable', 503), makeProblem('unavailable', 503, { retryAfter: 60 }))
  using client = openClient({ url: server.url, token: 'token', transports: ['socket'] })
  void client.follow(channel, createListener().record).catch(() => undefined)
  await waitUntil('it is refused', () => client.problems.length === 1)
  page.dispatchEvent(new Event('online'))
  await waitUntil('it is refused again', () => client.problems.length === 2)
  page.dispatchEvent(new Event('online'))
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(server.handshakes).toBe(2)
})

it('removes its page listeners when it is closed', async () => {
  const remove = jest.fn()
  Object.assign(globalThis, { removeEventListener: remove })
  const client = openClient({ url: 'http://127.0.0.1:9', token: 'token' })
  await client.close()
  expect(remove.mock.calls.map(([name]: unknown[]) => name)).toEqual(['online', 'pagehide'])
})
