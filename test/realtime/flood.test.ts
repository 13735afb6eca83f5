import { io, type Socket } from 'socket.io-client'
import { type Problem } from '../../kernel/pipeline/refusals'
import { callRate, followRate, packetRate, refusedCallsMax } from '../../realtime/connection/call-rate-limit'
import { channelsPerSocketMax } from '../../kernel/events/protocol'
import { getMe } from '../../skills/user-profile/get-me'
import { type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { RawSocket } from './raw-socket'

interface Reply {
  data?: unknown
  error?: Problem
}

let testApp: TestApp
let ann: Person
let neighbour: Person
const clients: Socket[] = []
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
  ann = await testApp.signIn('ann')
  neighbour = await testApp.signIn('neighbour')
})
// Freeze the clock: refilled tokens would depend on the speed of the machine.
let frozenClock: Disposable
beforeEach(() => (frozenClock = testApp.clock.freeze()))
afterEach(async () => {
  frozenClock[Symbol.dispose]()
  for (const client of clients.splice(0)) client.disconnect()
  testApp.clock.advance(60_000)
  expect(await neighbour.call(getMe, {}, { transport: 'socket' })).toMatchObject({ id: neighbour.id })
})
afterAll(() => testApp[Symbol.asyncDispose]())

async function connect(): Promise<Socket> {
  const auth = { token: ann.token }
  const client = io(ann.url, { auth, transports: ['websocket'], forceNew: true, reconnection: false })
  clients.push(client)
  await new Promise<void>(resolve => client.once('connect', resolve))
  return client
}

/** Sends `count` calls concurrently. */
const callMany = (client: Socket, count: number, name: string = getMe.name, input: object = {}) =>
  Promise.all(
    Array.from({ length: count }, async () => (await client.timeout(8_000).emitWithAck(name, { input })) as Reply),
  )

const codes = (replies: readonly Reply[]) => replies.map(({ error }) => error?.code ?? 'answered')
const repeated = (count: number, code: string) => Array<string>(count).fill(code)

it('answers a burst, refuses calls beyond it, and returns `retryAfter`', async () => {
  const client = await connect()
  const replies = await callMany(client, callRate.burst + 5)
  expect(codes(replies).slice(0, callRate.burst)).toEqual(repeated(callRate.burst, 'answered'))
  for (const { error } of replies.slice(callRate.burst))
    expect(error).toMatchObject({ status: 429, code: 'too_many_requests', retryAfter: 1 })

  testApp.clock.advance(1_000)
  const later = await callMany(client, callRate.perSecond + 8)
  expect(codes(later)).toEqual([...repeated(callRate.perSecond, 'answered'), ...repeated(8, 'too_many_requests')])
})

it('counts each connection separately', async () => {
  const [one, other] = [await connect(), await connect()]
  await callMany(one, callRate.burst)
  expect(codes(await callMany(other, 3))).toEqual(repeated(3, 'answered'))
})

it('counts unknown calls, and calls without an ack, which are refused by an event', async () => {
  const client = await connect()
  expect(new Set(codes(await callMany(client, callRate.burst, 'nowhere')))).toEqual(new Set(['unknown_operation']))
  const refused = new Promise<Problem>(resolve => client.once('call.refused', resolve))
  client.emit(getMe.name, { input: {} })
  expect(await refused).toMatchObject({ code: 'too_many_requests' })
})

it('lets a reconnecting client follow all its channels at once, and call besides', async () => {
  const client = await connect()
  const channel = `user:${ann.id}`
  expect(followRate.burst).toBeGreaterThan(channelsPerSocketMax)
  const follows = await callMany(client, channelsPerSocketMax, 'channel.follow', { channel })
  expect(codes(follows)).toEqual(repeated(channelsPerSocketMax, 'answered'))
  expect(codes(await callMany(client, callRate.burst))).toEqual(repeated(callRate.burst, 'answered'))
  const more = await callMany(client, followRate.burst, 'channel.unfollow', { channel })
  expect(codes(more)).toContain('too_many_requests')
})

it('closes a connection that keeps exceeding the limit, which may reconnect later', async () => {
  const client = await connect()
  const closed = new Promise<Problem>(resolve => client.once('connection.closed', resolve))
  const left = new Promise<string>(resolve => client.once('disconnect', resolve))
  for (let sent = 0; sent < callRate.burst + refusedCallsMax + 50; sent += 1) client.emit('nowhere')
  expect(await closed).toMatchObject({ code: 'too_many_messages', status: 429, retryAfter: 10 })
  expect(await left).toBe('transport close')
  const { values } = await testApp.app.metrics.socketRateLimits.get()
  expect(values).toContainEqual(expect.objectContaining({ labels: { outcome: 'closed' }, value: 1 }))
  expect(codes(await callMany(await connect(), 1))).toEqual(['answered'])
})

it('keeps a connection that is refused occasionally', async () => {
  const client = await connect()
  for (let round = 0; round < 3; round += 1) {
    await callMany(client, callRate.burst + refusedCallsMax / 2)
    testApp.clock.advance(11_000)
  }
  expect(client.connected).toBe(true)
})

it.each([
  ['pongs', '3'],
  ['empty packets', '6'],
  ['unexpected acks', '43999["x"]'],
])('closes a connection that floods with %s', async (_what, packet) => {
  await using raw = await RawSocket.connect(testApp.nodes[0]?.port ?? 0, ann.token)
  for (let sent = 0; sent < packetRate.burst + 500; sent += 1) raw.send(packet)
  expect(await raw.waitFor(text => text.startsWith('42["connection.closed"'))).toContain('"too_many_messages"')
  await raw.untilClosed()
})

it('closes a connection that floods before it authenticates', async () => {
  await using raw = await RawSocket.open(testApp.nodes[0]?.port ?? 0)
  for (let sent = 0; sent < packetRate.burst + 500; sent += 1) raw.send('3')
  expect(await raw.waitFor(text => text.startsWith('44'))).toContain('"too_many_messages"')
  await raw.untilClosed()
})

it('closes a connection that floods without reading, and does not queue its replies', async () => {
  await using raw = await RawSocket.connect(testApp.nodes[0]?.port ?? 0, ann.token)
  raw.pause()
  for (let sent = 0; sent < 5_000; sent += 1) raw.send(`42${sent}["nowhere",{}]`)
  const before = (await testApp.app.metrics.sockets.get()).values[0]?.value ?? 0
  expect(before).toBeGreaterThan(0)
  raw.resume()
  await raw.untilClosed()
  expect(raw.received.filter(text => text.startsWith('43')).length).toBeLessThan(callRate.burst + refusedCallsMax + 10)
})
