import { createListener, openClient, waitUntil } from './open-client'
import { makeProblem, ScriptedServer } from './scripted-server'

let server: ScriptedServer
beforeEach(async () => {
  server = await ScriptedServer.open()
})
afterEach(() => server[Symbol.asyncDispose]())

const channelNo = (n: number) => `track:00000000-0000-7000-8000-${String(n).padStart(12, '0')}`

/** A client that follows so many channels, what each has heard, and which are over. */
async function following(count: number) {
  const client = openClient({ url: server.url, token: async () => 'token', transports: ['socket'] })
  const names = Array.from({ length: count }, (_, n) => channelNo(n))
  const heard = names.map(() => createListener())
  const closed: string[] = []
  await Promise.all(
    names.map((name, n) =>
      client.follow(name, event => heard[n]?.hear(event), { onClosed: ({ code }) => closed.push(`${name} ${code}`) }),
    ),
  )
  return { client, names, heard, closed, [Symbol.dispose]: () => client[Symbol.dispose]() }
}

/** Cuts all connections; resolves when the client has asked for so many channels again. */
async function comeBack(count: number): Promise<void> {
  server.calls.length = server.requestedPositions.length = 0
  server.close(makeProblem('moving', 503, { retryAfter: 0 }))
  await waitUntil('all is followed again', () => server.requestedPositions.length === count)
}

it('goes on on all channels with one question, each after its own place', async () => {
  using one = await following(5)
  const events = server.appendEvents(3)
  for (const [n, channel] of one.names.entries())
    server.emit('events', { channel, epoch: 'a', events: events.slice(0, (n % 3) + 1) })
  await waitUntil('all is heard', () => one.heard.every(({ events: some }, n) => some.length === (n % 3) + 1))
  await comeBack(5)
  expect(server.calls).toEqual(['channel.followAll'])
  expect(server.requestedPositions).toEqual([1, 2, 3, 1, 2].map(offset => ({ epoch: 'a', offset })))
  await waitUntil('nothing is missing', () => one.heard.every(({ events: some }) => some.length === 3))
})

it('asks in parts that the server takes', async () => {
  using one = await following(150)
  await comeBack(150)
  expect(server.calls).toEqual(['channel.followAll', 'channel.followAll'])
  expect(one.closed).toEqual([])
})

it('loses one channel and goes on on the others when it may follow that one no longer', async () => {
  using one = await following(3)
  const [, lost = ''] = one.names
  server.forbidden.add(lost)
  await comeBack(3)
  await waitUntil('it is told', () => one.closed.length > 0)
  expect(one.closed).toEqual([`${lost} forbidden`])
  server.emit('events', { channel: channelNo(2), epoch: 'a', events: server.appendEvents(1) })
  await waitUntil('it is heard', () => one.heard[2]?.events.length === 1)
})
