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

async function following() {
  const client = open()
  const heard = createListener()
  const told: string[] = []
  await client.follow(channel, heard.hear, {
    onGap: () => told.push('gap'),
    onClosed: ({ code }) => told.push(code),
    onState: state => told.push(JSON.stringify(state)),
  })
  return { client, heard, told, [Symbol.dispose]: () => void client.close() }
}

describe('frames', () => {
  it('that come twice, late, with holes or in part are put into one sequence', async () => {
    using one = await following()
    const events = server.appendEvents(9)
    server.sendFrame(events.slice(0, 2))
    server.sendFrame(events.slice(1, 3))
    server.sendFrame(events.slice(0, 1))
    server.sendFrame(events.slice(5, 6))
    await waitUntil('the hole is filled', () => one.heard.events.length === 9)
    server.sendFrame(events.slice(4))
    server.sendFrame(server.appendEvents(1))
    await waitUntil('it is heard', () => one.heard.events.length === 10)
    expect(one.heard.offsets()).toEqual(numberRange(1, 11))
    expect(server.requestedPositions).toEqual([undefined, { epoch: 'a', offset: 3 }])
  })

  it('that were left out are asked for when the server says so', async () => {
    using one = await following()
    server.appendEvents(4)
    server.emit('resync', { channels: ['user:other', channel] })
    await waitUntil('all is heard', () => one.heard.events.length === 4)
    expect(server.requestedPositions).toEqual([undefined, { epoch: 'a', offset: 0 }])
  })

  it('of another epoch are a gap, and the sequence goes on behind it', async () => {
    using one = await following()
    server.sendFrame(server.appendEvents(3))
    await waitUntil('it is heard', () => one.heard.events.length === 3)
    server.epoch = 'b'
    server.log.length = 0
    server.appendEvents(1)
    server.sendFrame(server.appendEvents(1))
    await waitUntil('the gap is known', () => one.told.length === 1)
    server.sendFrame(server.appendEvents(1))
    await waitUntil('it is heard', () => one.heard.events.length === 4)
    expect({ offsets: one.heard.offsets(), told: one.told }).toEqual({ offsets: [1, 2, 3, 3], told: ['gap'] })
  })

  it('of state are told when they are newer, value by value', async () => {
    using one = await following()
    const say = (values: object) => server.emit('state', { channel, values })
    say({ counts: { rev: 5, likes: 1 } })
    say({ counts: { rev: 4, likes: 9 }, plays: { rev: 0 } })
    say({ counts: { rev: 5, likes: 7 } })
    say({ counts: { rev: 6, likes: 2 } })
    await waitUntil('the last is told', () => one.told.length === 3)
    expect(one.told.map(text => JSON.parse(text) as unknown)).toEqual([
      { counts: { rev: 5, likes: 1 } },
      { plays: { rev: 0 } },
      { counts: { rev: 6, likes: 2 } },
    ])
  })

  it('of nonsense do no harm', async () => {
    using one = await following()
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
    await waitUntil('it is heard', () => one.heard.events.length === 1)
    expect(one.client.problems).toEqual([])
  })
})

describe('a connection', () => {
  it('that is refused for now is tried again, each time by another node', async () => {
    server.refusals.push(makeProblem('unavailable', 503, { retryAfter: 0 }), makeProblem('too_many_requests', 429))
    using one = await following()
    expect(one.client.problems.map(({ code }) => code)).toEqual(['unavailable', 'too_many_requests'])
    expect(server.handshakes).toBe(3)
    const [before] = await server.nids()
    server.close(makeProblem('too_slow', 429))
    await waitUntil('it is back', () => server.handshakes === 4 && one.client.transport() === 'socket')
    expect(await server.nids()).not.toEqual([before])
    expect(one.told).toEqual([])
  })

  it('that is refused for good is not tried again, and ends what is followed', async () => {
    using one = await following()
    server.close(makeProblem('token_subject_mismatch', 403))
    await waitUntil('it is told', () => one.told.length === 1)
    expect(one.told).toEqual(['token_subject_mismatch'])
    expect(await problemOf(one.client.follow(channel, () => undefined))).toMatchObject({
      code: 'token_subject_mismatch',
    })
    server.refusals.push(makeProblem('forbidden', 403))
    using other = open()
    expect(await problemOf(other.follow(channel, () => undefined))).toMatchObject({ code: 'forbidden', status: 403 })
    expect(server.handshakes).toBe(2)
  })

  it('comes back after anything up to a bound that doubles, and never before the server allows it', () => {
    for (const [failures, bound] of [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000].entries()) {
      const waits = Array.from({ length: 500 }, () => backoffMs(failures))
      expect(Math.min(...waits)).toBeLessThan(bound * 0.1)
      expect(Math.max(...waits)).toBeGreaterThan(bound * 0.9)
      expect(Math.max(...waits)).toBeLessThanOrEqual(bound)
      expect(backoffMs(failures, 7)).toBeGreaterThanOrEqual(7_000)
    }
  })
})
