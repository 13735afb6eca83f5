import { type Position } from '../../client'
import { createListener, openClient, waitUntil } from './open-client'
import { channel, makeProblem, ScriptedServer } from './scripted-server'

/** What browsers have and Node has not. */
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

it('a page that goes away stores how far it has been told', async () => {
  await using server = await ScriptedServer.open()
  const places: Position[] = []
  const offsets = { get: () => null, set: (_channel: string, place: Position) => void places.push(place) }
  using client = openClient({ url: server.url, token: 'token', transports: ['socket'], offsets })
  await client.follow(channel, event => {
    if (event.offset === 2) page.dispatchEvent(new Event('pagehide'))
  })
  server.sendFrame(server.appendEvents(3))
  // Where it began, or what it had been given before the event that was being told.
  await waitUntil('it is stored', () => places.length > 0)
  expect(places[0]?.offset).toBeLessThan(2)
  await client.close()
  expect(places.at(-1)).toEqual({ epoch: 'a', offset: 3 })
})

it('a network that is there again is used at once, unless the server has said when to come', async () => {
  // Whatever is waited for takes minutes.
  jest.spyOn(Math, 'random').mockReturnValue(1_000)
  await using server = await ScriptedServer.open()
  server.refusals.push(makeProblem('unavailable', 503), makeProblem('unavailable', 503, { retryAfter: 60 }))
  using client = openClient({ url: server.url, token: 'token', transports: ['socket'] })
  void client.follow(channel, createListener().hear).catch(() => undefined)
  await waitUntil('it is refused', () => client.problems.length === 1)
  page.dispatchEvent(new Event('online'))
  await waitUntil('it is refused again', () => client.problems.length === 2)
  page.dispatchEvent(new Event('online'))
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(server.handshakes).toBe(2)
})

it('a client that is closed listens to the page no longer', async () => {
  const remove = jest.fn()
  Object.assign(globalThis, { removeEventListener: remove })
  const client = openClient({ url: 'http://127.0.0.1:9', token: 'token' })
  await client.close()
  expect(remove.mock.calls.map(([name]: unknown[]) => name)).toEqual(['online', 'pagehide'])
})
