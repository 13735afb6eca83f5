import { backoffMs } from '../../client/backoff'
import { numberRange } from '../emit-numbers'
import { createListener, openClient, problemOf, waitUntil } from './open-client'
import { channel, makeProblem, ScriptedServer } from './scripted-server'

let server: ScriptedServer
beforeEach(async () => {
  server = await ScriptedServer.open()
})
afterEach(() => server[Symbol.asyncDispose]())

const open = () => openClient({ url: server.url, token: async () => 'token', transports: ['socket'] })

async function followChannel() {
  const client = open()
  const listener = createListener()
  const calls: string[] = []
  await client.follow(channel, listener.record, {
    onGap: () => calls.push('gap'),
    onClosed: ({ code }) => calls.push(code),
    onState: state => calls.push(JSON.stringify(state)),
  })
  return { client, listener, calls, [Symbol.dispose]: () => void client.close() }
}

describe('frames', () => {
  it('that repeat, are late, incomplete or out of order become one sequence', async () => {
    using one = await followChannel()
    const events = server.appendEvents(9)
    server.sendFrame(events.slice(0, 2))
    server.sendFrame(events.slice(1, 3))
    server.sendFrame(events.slice(0, 1))
    server.sendFrame(events.slice(5, 6))
    await waitUntil('the gap is filled', () => one.listener.events.length === 9)
    server.sendFrame(events.slice(4))
    server.sendFrame(server.appendEvents(1))
    await waitUntil('the event is received', () => one.listener.events.length === 10)
    expect(one.listener.offsets()).toEqual(numberRange(1, 11))
    expect(server.requestedPositions).toEqual([undefined, { epoch: 'a', offset: 3 }])
  })

  it('that were skipped are requested when the server says so', async () => {
    using one = await followChannel()
    server.appendEvents(4)
    server.emit('resync', { channels: ['user:other', channel] })
    await waitUntil('all events are received', () => one.listener.events.length === 4)
    expect(server.requestedPositions).toEqual([undefined, { epoch: 'a', offset: 0 }])
  })

  it('of another epoch are reported as a gap, and the sequence continues after it', async () => {
    using one = await followChannel()
    server.sendFrame(server.appendEvents(3))
    await waitUntil('the event is received', () => one.listener.events.length === 3)
    server.epoch = 'b'
    server.log.length = 0
    server.appendEvents(1)
    server.sendFrame(server.appendEvents(1))
    await waitUntil('the gap is reported', () => one.calls.length === 1)
    server.sendFrame(server.appendEvents(1))
    await waitUntil('the event is received', () => one.listener.events.length === 4)
    expect({ offsets: one.listener.offsets(), calls: one.calls }).toEqual({ offsets: [1, 2, 3, 3], calls: ['gap'] })
  })

  it('of state are delivered if they are newer, per value', async () => {
    using one = await followChannel()
    const emitState = (values: object) => server.emit('state', { channel, values })
    emitState({ counts: { rev: 5, likes: 1 } })
    emitState({ counts: { rev: 4, likes: 9 }, plays: { rev: 0 } })
    emitState({ counts: { rev: 5, likes: 7 } })
    emitState({ counts: { rev: 6, likes: 2 } })
    await waitUntil('the last state is received', () => one.calls.length === 3)
    expect(one.calls.map(text => JSON.parse(text) as unknown)).toEqual([
      { counts: { rev: 5, likes: 1 } },
      { plays: { rev: 0 } },
      { counts: { rev: 6, likes: 2 } },
    ])
  })

  it('that are malformed are ignored', async () => {
    using one = await followChannel()
    for (const name of [
      'events',
      'state',
      'presence',
      'signal',
      'resync',
      'connection.closed',
      'channel.closed',
      'unheard',
    ])
      for (const message of [null, 7, 'text', [], {}, { channel }, { channel, epoch: 'a' }, { channel, values: null }])
        if (name !== 'channel.closed' || message === null || typeof message !== 'object') server.emit(name, message)
    server.sendFrame(server.appendEvents(1))
    await waitUntil('the event is received', () => one.listener.events.length === 1)
    expect(one.client.problems).toEqual([])
  })
})

describe('a connection', () => {
  it('that is refused temporarily is retried, on another node each time', async () => {
    server.refusals.push(makeProblem('unavailable', 503, { retryAfter: 0 }), makeProblem('too_many_requests', 429))
    using one = await followChannel()
    expect(one.client.problems.map(({ code }) => code)).toEqual(['unavailable', 'too_many_requests'])
    expect(server.handshakes).toBe(3)
    const [before] = await server.nids()
    server.close(makeProblem('slow_consumer', 429))
    await waitUntil('the connection is back', () => server.handshakes === 4 && one.client.transport() === 'socket')
    expect(await server.nids()).not.toEqual([before])
    expect(one.calls).toEqual([])
  })

  it('that is refused for good is not retried, and closes all channels', async () => {
    using one = await followChannel()
    server.close(makeProblem('token_subject_mismatch', 403))
    await waitUntil('it is reported', () => one.calls.length === 1)
    expect(one.calls).toEqual(['token_subject_mismatch'])
    expect(await problemOf(one.client.follow(channel, () => undefined))).toMatchObject({
      code: 'token_subject_mismatch',
    })
    server.refusals.push(makeProblem('forbidden', 403))
    using other = open()
    expect(await problemOf(other.follow(channel, () => undefined))).toMatchObject({ code: 'forbidden', status: 403 })
    expect(server.handshakes).toBe(2)
  })

  it('waits a random time up to a bound that doubles, at least `retryAfter`', () => {
    for (const [failures, bound] of [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000].entries()) {
      const delays = Array.from({ length: 500 }, () => backoffMs(failures))
      expect(Math.min(...delays)).toBeLessThan(bound * 0.1)
      expect(Math.max(...delays)).toBeGreaterThan(bound * 0.9)
      expect(Math.max(...delays)).toBeLessThanOrEqual(bound)
      expect(backoffMs(failures, 7)).toBeGreaterThanOrEqual(7_000)
    }
  })
})
