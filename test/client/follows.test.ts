import { createListener, openClient, waitUntil } from './open-client'
import { makeProblem, ScriptedServer } from './scripted-server'

let server: ScriptedServer
beforeEach(async () => {
  server = await ScriptedServer.open()
})
afterEach(() => server[Symbol.asyncDispose]())

const channelNo = (n: number) => `track:00000000-0000-7000-8000-${String(n).padStart(12, '0')}`

/** A client that follows `count` channels, with the events received and the closed channels. */
async function followChannels(count: number) {
  const client = openClient({ url: server.url, token: async () => 'token', transports: ['socket'] })
  const names = Array.from({ length: count }, (_, n) => channelNo(n))
  const listeners = names.map(() => createListener())
  const closed: string[] = []
  await Promise.all(
    names.map((name, n) =>
      client.follow(name, event => listeners[n]?.record(event), {
        onClosed: ({ code }) => closed.push(`${name} ${code}`),
      }),
    ),
  )
  return { client, names, listeners, closed, [Symbol.dispose]: () => client[Symbol.dispose]() }
}

/** Cuts all connections; resolves when the client has requested `count` channels again. */
async function reconnect(count: number): Promise<void> {
  server.calls.length = server.requestedPositions.length = 0
  server.close(makeProblem('node_draining', 503, { retryAfter: 0 }))
  await waitUntil('all channels are followed again', () => server.requestedPositions.length === count)
}

it('resumes all channels with one call, each after its own position', async () => {
  using one = await followChannels(5)
  const events = server.appendEvents(3)
  for (const [n, channel] of one.names.entries())
    server.emit('events', { channel, epoch: 'a', events: events.slice(0, (n % 3) + 1) })
  await waitUntil('all events are received', () =>
    one.listeners.every(({ events: some }, n) => some.length === (n % 3) + 1),
  )
  await reconnect(5)
  expect(server.calls).toEqual(['channel.followAll'])
  expect(server.requestedPositions).toEqual([1, 2, 3, 1, 2].map(offset => ({ epoch: 'a', offset })))
  await waitUntil('nothing is missing', () => one.listeners.every(({ events: some }) => some.length === 3))
})

it('resumes in batches of the size that the server accepts', async () => {
  using one = await followChannels(150)
  await reconnect(150)
  expect(server.calls).toEqual(['channel.followAll', 'channel.followAll'])
  expect(one.closed).toEqual([])
})

it('drops one channel that it may no longer follow, and resumes the others', async () => {
  using one = await followChannels(3)
  const [, lost = ''] = one.names
  server.forbidden.add(lost)
  await reconnect(3)
  await waitUntil('it is reported', () => one.closed.length > 0)
  expect(one.closed).toEqual([`${lost} forbidden`])
  server.emit('events', { channel: channelNo(2), epoch: 'a', events: server.appendEvents(1) })
  await waitUntil('the event is received', () => one.listeners[2]?.events.length === 1)
})
