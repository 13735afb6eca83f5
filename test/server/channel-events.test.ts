import { createServer } from 'node:http'
import { connect } from 'node:net'
import express from 'express'
import { newId } from '../../kernel/pipeline/new-id'
import { createPipeline } from '../../kernel/pipeline/pipeline'
import {
  catchUp,
  sseEvents,
  channelStreamRequestsPerMinute,
  channelStreamsPerProfileMax,
} from '../../kernel/events/protocol'
import { type Problem } from '../../kernel/pipeline/refusals'
import { parse } from '../../kernel/pipeline/schema'
import { type CatchUp } from '../../kernel/events/frames'
import { formatPosition } from '../../kernel/events/position'
import { createAppContext } from '../../kernel/platform/app-context'
import { readConfig } from '../../kernel/platform/config'
import { openGateway } from '../../realtime/gateway'
import { bindChannelEvents } from '../../server/channel-events'
import { logRequests } from '../../server/request-log'
import { listen } from '../../server/http'
import { startWeb } from '../../server/main'
import { registry } from '../../skills'
import { likeTrack } from '../../skills/interactions/like-track'
import { updateTrack } from '../../skills/tracks/update-track'
import { blockProfile } from '../../skills/user-profile/block-profile'
import { revokeSessions } from '../../skills/user-profile/revoke-sessions'
import { emitNumbers, numberRange } from '../emit-numbers'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { type Person } from '../person'
import { createTestApp, type TestNode, type TestApp } from '../test-app'
import { EventReader } from './event-reader'

let testApp: TestApp
let ann: Person
let bob: Person
let channel: string
const readers: EventReader[] = []
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', { node: 0 })
  bob = await testApp.signIn('bob', { node: 1 })
})
beforeEach(async () => {
  channel = `track:${(await makeTrack(ann.id)).id}`
})
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader[Symbol.asyncDispose]()
  // Every closed stream has released its resources, on every node.
  await waitUntil(async () => (await Promise.all(testApp.nodes.map(openStreams))).every(count => count === 0))
})
afterAll(() => testApp[Symbol.asyncDispose]())

const openStreams = async ({ app: { metrics } }: TestNode) =>
  (await metrics.channelStreams.get()).values.reduce((sum, { value }) => sum + value, 0)
const countSubscribed = async ({ app: { metrics } }: TestNode) =>
  (await metrics.channelsSubscribed.get()).values[0]?.value ?? 0
const nodeAt = (index: number): TestNode => {
  const node = testApp.nodes[index]
  if (node === undefined) throw new Error('no such node')
  return node
}
const urlOf = (of: string, query: Record<string, string | number> = {}, node = 1) => {
  const text = new URLSearchParams(query as Record<string, string>).toString()
  return `${nodeAt(node).url}/api/v1/channels/${of}/events${text === '' ? '' : `?${text}`}`
}

async function listenTo(...where: Parameters<typeof EventReader.open>): Promise<EventReader> {
  const reader = await EventReader.open(...where)
  readers.push(reader)
  return reader
}

interface Answer {
  status: number
  headers: Headers
  data: CatchUp
  problem: Problem
}

async function get(url: string, token: string | undefined = bob.token, more: RequestInit = {}): Promise<Answer> {
  const headers = { ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...(more.headers as object) }
  const response = await fetch(url, { ...more, headers })
  const body = (await response.json()) as { data: CatchUp } & Problem
  return { status: response.status, headers: response.headers, data: body.data, problem: body }
}

/** The position of the channel. */
const positionOf = async (of: string) => {
  const { data } = await get(urlOf(of))
  return { epoch: data.epoch, offset: data.latestOffset }
}
const after = async (of: string, offset: number) => formatPosition({ ...(await positionOf(of)), offset })
const offsetsOf = ({ data }: Answer) => data.events.map(({ offset }) => offset)
const waiting = (kind: string, count = 1) =>
  waitUntil(async () => {
    const { values } = await nodeAt(1).app.metrics.channelStreams.get()
    return values.some(({ labels, value }) => labels.kind === kind && value === count)
  })

describe('reading a channel', () => {
  it('without a position returns the current one without waiting', async () => {
    await emitNumbers(testApp.app, channel, [1, 2])
    const { status, headers, data } = await get(urlOf(channel, { wait: 25 }))
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(data).toEqual(parse(catchUp, data))
    expect(data).toMatchObject({ channel, latestOffset: 2, events: [], recovered: false, hasMore: false })
  })

  it('after a position returns the later events, the same on every node', async () => {
    await emitNumbers(testApp.app, channel, numberRange(0, 5))
    const position = await after(channel, 2)
    const [one, other] = [
      await get(urlOf(channel, { after: position }, 0)),
      await get(urlOf(channel, { after: position }, 1)),
    ]
    expect(offsetsOf(one)).toEqual([3, 4, 5])
    expect(one.data).toMatchObject({ recovered: true, hasMore: false, latestOffset: 5 })
    expect(one.data).toEqual(parse(catchUp, one.data))
    expect(other.data).toEqual(one.data)
  })

  it('returns pages', async () => {
    await emitNumbers(testApp.app, channel, numberRange(0, 400))
    const first = await get(urlOf(channel, { after: await after(channel, 0) }))
    expect(first.data).toMatchObject({ recovered: true, hasMore: true })
    const last = first.data.events.at(-1)?.offset ?? 0
    const second = await get(urlOf(channel, { after: await after(channel, last), wait: 25 }))
    expect(second.data.hasMore).toBe(false)
    expect([...offsetsOf(first), ...offsetsOf(second)]).toEqual(numberRange(1, 401))
  })

  it.each([
    ['of another epoch', 'zzz:1'],
    ['of an absurd offset', '0:999999999999999'],
    ['beyond the top', 'top'],
  ])('from a position %s asks for a snapshot at once', async (_what, position) => {
    await emitNumbers(testApp.app, channel, [1])
    const { epoch, offset } = await positionOf(channel)
    const requested = position === 'top' ? `${epoch}:${offset + 5}` : position.replace(/^0:/, `${epoch}:`)
    const { status, data } = await get(urlOf(channel, { after: requested, wait: 25 }))
    expect(status).toBe(200)
    expect(data).toMatchObject({ recovered: false, events: [], latestOffset: 1 })
  })
})

describe('a long-poll', () => {
  it('ends with the next event from any node, and returns its whole transaction', async () => {
    const position = await after(channel, 0)
    const answers = [
      get(urlOf(channel, { after: position, wait: 25 })),
      get(urlOf(channel, { after: position, wait: 25 })),
    ]
    await waiting('long-poll', 2)
    await emitNumbers(nodeAt(0).app, channel, numberRange(0, 40))
    for (const answer of await Promise.all(answers)) {
      expect(offsetsOf(answer)).toEqual(numberRange(1, 41))
      expect(answer.data).toMatchObject({ recovered: true, hasMore: false, latestOffset: 40 })
    }
  })

  it('does not wait if there are events to return', async () => {
    await emitNumbers(testApp.app, channel, [1])
    expect(offsetsOf(await get(urlOf(channel, { after: await after(channel, 0), wait: 25 })))).toEqual([1])
  })

  it('returns no events after its timeout', async () => {
    const position = await after(channel, 0)
    const { status, data } = await get(urlOf(channel, { after: position, wait: 1 }))
    expect(status).toBe(200)
    expect(data).toMatchObject({ recovered: true, events: [], latestOffset: 0 })
  })

  it('receives nothing of other channels', async () => {
    const other = `track:${(await makeTrack(ann.id)).id}`
    const answer = get(urlOf(channel, { after: await after(channel, 0), wait: 25 }))
    await waiting('long-poll')
    await emitNumbers(testApp.app, other, [1])
    await emitNumbers(testApp.app, channel, [2])
    expect((await answer).data.events).toEqual([
      expect.objectContaining({ offset: 1, data: { channels: [channel], n: 2 } }),
    ])
  })

  it('releases its resources when it is aborted', async () => {
    const subscribedBefore = await countSubscribed(nodeAt(1))
    const leaving = new AbortController()
    const position = await after(channel, 0)
    const aborted = get(urlOf(channel, { after: position, wait: 25 }), bob.token, { signal: leaving.signal })
    await waiting('long-poll')
    await waitUntil(async () => (await countSubscribed(nodeAt(1))) === subscribedBefore + 1)
    leaving.abort()
    await expect(aborted).rejects.toThrow()
    await waitUntil(async () => (await countSubscribed(nodeAt(1))) === subscribedBefore)
  })
})

describe('server-sent events', () => {
  it('start with the position of the channel, then send one frame per transaction', async () => {
    await emitNumbers(testApp.app, channel, [1])
    const reader = await listenTo(urlOf(channel), bob.token)
    expect(reader.response.status).toBe(200)
    expect(Object.fromEntries(reader.response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    const { epoch } = await positionOf(channel)
    const following = await reader.waitFor('followed')
    expect(following).toMatchObject({
      id: `${epoch}:1`,
      data: { channel, latestOffset: 1, recovered: false, events: [] },
    })
    await emitNumbers(nodeAt(0).app, channel, numberRange(0, 30))
    await waitUntil(() => reader.offsets.length === 30)
    expect(reader.offsets).toEqual(numberRange(2, 32))
    expect(await reader.waitFor('events')).toMatchObject({ id: `${epoch}:31`, data: { channel, epoch } })
    const shapes = new Map(sseEvents.map(({ name, payload }) => [name, payload]))
    for (const { event, data } of reader.messages) {
      const shape = shapes.get(event)
      if (shape === undefined) throw new Error(`${event} is not documented`)
      expect(data).toEqual(parse(shape, data))
    }
  })

  it('send the same events as a socket', async () => {
    const recorder = await bob.recordEvents(channel)
    const reader = await listenTo(urlOf(channel, {}, 0), bob.token)
    await reader.waitFor('followed')
    await Promise.all(numberRange(0, 20).map(n => emitNumbers(nodeAt(n % 2).app, channel, [n])))
    await waitUntil(() => reader.offsets.length === 20 && recorder.events.length === 20)
    expect(reader.events).toEqual(recorder.events)
  })

  it('send the newest state, changed on any node', async () => {
    const trackId = channel.replace('track:', '')
    const reader = await listenTo(urlOf(channel), bob.token)
    expect((await reader.waitFor('followed')).data).toMatchObject({ state: { counts: { likes: 0 } } })
    await ann.call(likeTrack, { trackId })
    expect((await reader.waitFor('state')).data).toMatchObject({ channel, values: { counts: { likes: 1 } } })
    expect((await get(urlOf(channel))).data.state).toMatchObject({ counts: { likes: 1 } })
  })

  it('resume on any node after Last-Event-ID, which overrides the query, with all missed events', async () => {
    const first = await listenTo(urlOf(channel, {}, 0), bob.token)
    await first.waitFor('followed')
    await emitNumbers(testApp.app, channel, [1, 2])
    await waitUntil(() => first.offsets.length === 2)
    await first[Symbol.asyncDispose]()
    await emitNumbers(testApp.app, channel, numberRange(0, 700))
    // Until all events are relayed, a node may return an earlier offset, and sends the rest as it receives them.
    await waitUntil(async () => (await testApp.app.db.query('select from pending_events')).length === 0)

    const resuming = { 'last-event-id': first.lastId ?? '' }
    const second = await listenTo(urlOf(channel, { after: 'zzz:9' }, 1), bob.token, resuming)
    expect((await second.waitFor('followed')).data).toMatchObject({ recovered: true, latestOffset: 702 })
    await emitNumbers(testApp.app, channel, [3])
    await waitUntil(() => second.offsets.length >= 701)
    expect(second.offsets).toEqual(numberRange(3, 704))
  })

  it('lose no event that is emitted while missed ones are read', async () => {
    await emitNumbers(testApp.app, channel, numberRange(0, 650))
    const position = await after(channel, 0)
    const readers = await Promise.all(
      numberRange(0, 6).map(node => listenTo(urlOf(channel, { after: position }, node % 2), bob.token)),
    )
    for (const n of numberRange(0, 20)) await emitNumbers(nodeAt(n % 2).app, channel, [n])
    for (const reader of readers) {
      await waitUntil(() => reader.offsets.length >= 670)
      expect(reader.offsets).toEqual(numberRange(1, 671))
      await reader[Symbol.asyncDispose]()
    }
  })

  it.each(['zzz:1', 'top'])('from the position %s continue live, and say that a snapshot is needed', async position => {
    await emitNumbers(testApp.app, channel, [1])
    const { epoch, offset } = await positionOf(channel)
    const requested = position === 'top' ? `${epoch}:${offset + 5}` : position
    const reader = await listenTo(urlOf(channel, { after: requested }), bob.token)
    expect((await reader.waitFor('followed')).data).toMatchObject({ recovered: false, latestOffset: 1 })
    await emitNumbers(testApp.app, channel, [2])
    await waitUntil(() => reader.offsets.length === 1)
    expect(reader.offsets).toEqual([2])
  })
})

describe('access to a channel', () => {
  it.each([
    ['of an unauthenticated caller', '', 'not_signed_in', 401],
    ['of an invalid token', 'nonsense', 'token_invalid', 401],
  ])('%s is refused', async (_what, token, code, status) => {
    const { problem, headers } = await get(urlOf(channel), token)
    expect(problem).toMatchObject({ code, status })
    expect(headers.get('www-authenticate')).toContain('Bearer')
    const reader = await listenTo(urlOf(channel), token)
    expect(reader.response.status).toBe(status)
    expect(reader.response.headers.get('content-type')).toContain('application/problem+json')
  })

  it('ends with the token', async () => {
    const expired = await testApp.issuer.issueToken('bob', { ttlSeconds: -60 })
    expect((await get(urlOf(channel), expired)).problem).toMatchObject({ code: 'token_expired', status: 401 })
  })

  it('is checked as on a socket', async () => {
    const privateTrack = await makeTrack(ann.id, { visibility: 'private' })
    for (const [of, code] of [
      [`user:${ann.id}`, 'forbidden'],
      [`track:${privateTrack.id}`, 'not_found'],
      [`track:${newId(new Date())}`, 'not_found'],
      [`spaceship:${ann.id}`, 'not_found'],
      [`control:${ann.id}`, 'not_found'],
      [`constructor:${ann.id}`, 'not_found'],
    ] as const) {
      expect((await get(urlOf(of))).problem.code).toBe(code)
      const reader = await listenTo(urlOf(of), bob.token)
      expect(reader.response.ok).toBe(false)
    }
    expect((await get(urlOf(`user:${bob.id}`))).status).toBe(200)
  })

  it('that is revoked ends waiting requests and streams, but not those of others', async () => {
    const trackId = channel.replace('track:', '')
    const position = await after(channel, 0)
    const ownReader = await listenTo(urlOf(channel), ann.token)
    const reader = await listenTo(urlOf(channel), bob.token)
    await Promise.all([ownReader.waitFor('followed'), reader.waitFor('followed')])
    await ann.call(updateTrack, { trackId, visibility: 'private' })
    expect((await reader.waitFor('channel.closed')).data).toMatchObject({
      channel,
      problem: { code: 'not_found', status: 404 },
    })
    await reader.waitForEnd()
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil(() => ownReader.events.some(({ name }) => name === 'test.numberEmitted'))
    expect(reader.events.some(({ name }) => name === 'test.numberEmitted')).toBe(false)
    expect((await get(urlOf(channel, { after: position }))).problem).toMatchObject({ code: 'not_found' })
  })

  it('that is revoked answers a waiting long-poll', async () => {
    const eve = await testApp.signIn('eve')
    const answer = get(urlOf(channel, { after: await after(channel, 0), wait: 25 }), eve.token)
    await waiting('long-poll')
    await ann.call(blockProfile, { profileId: eve.id })
    expect((await answer).problem).toMatchObject({ code: 'not_found', status: 404 })
  })

  it('ends 5 s after the token has expired', async () => {
    const token = await testApp.issuer.issueToken('bob', { ttlSeconds: 60 })
    const reader = await listenTo(urlOf(channel), token)
    const poll = get(urlOf(channel, { after: await after(channel, 0), wait: 25 }), token)
    await reader.waitFor('followed')
    await waiting('long-poll')
    testApp.clock.advance(66_000)
    expect((await reader.waitFor('channel.closed')).data).toMatchObject({
      problem: { code: 'token_expired', status: 401 },
    })
    await reader.waitForEnd()
    expect((await poll).problem).toMatchObject({ code: 'token_expired', status: 401 })
  })

  it('ends with the session, on every node', async () => {
    const eve = await testApp.signIn('eve', { node: 0 })
    const reader = await listenTo(urlOf(`user:${eve.id}`), eve.token)
    await reader.waitFor('followed')
    await eve.call(revokeSessions, { scope: 'all' })
    expect((await reader.waitFor('channel.closed')).data).toMatchObject({
      problem: { code: 'session_revoked', status: 401 },
    })
    await reader.waitForEnd()
  })
})

describe('a request', () => {
  it.each([
    ['no channel', 'nothing', ''],
    ['a channel without an id', 'track:', ''],
    ['a channel in upper case', 'TRACK:01a2055f-e205-7276-84af-99675ca5b72e', ''],
    ['a malformed id', `track:${'-'.repeat(36)}`, ''],
    ['a position without an epoch', '', 'after=7'],
    ['an empty position', '', 'after='],
    ['a negative position', '', 'after=abc:-1'],
    ['a position with decimals', '', 'after=abc:1.5'],
    ['a position out of range', '', 'after=abc:9999999999999999'],
    ['two positions', '', 'after=abc:1&after=abc:2'],
    ['a position with a NUL', '', 'after=abc%00:1'],
    ['a wait that is too long', '', 'wait=26'],
    ['a negative wait', '', 'wait=-1'],
    ['a fractional wait', '', 'wait=0.5'],
    ['a wait in words', '', 'wait=soon'],
    ['an unknown parameter', '', 'limit=5'],
  ])('with %s is refused', async (_what, of, query) => {
    const url = `${nodeAt(1).url}/api/v1/channels/${of === '' ? channel : of}/events?${query}`
    for (const accept of ['application/json', 'text/event-stream']) {
      const { problem } = await get(url, bob.token, { headers: { accept } })
      expect(problem).toMatchObject({ code: 'invalid_input', status: 400 })
    }
  })

  it('names the malformed position, also in Last-Event-ID', async () => {
    const { problem } = await get(urlOf(channel), bob.token, { headers: { 'last-event-id': 'x' } })
    expect(problem).toMatchObject({ code: 'invalid_input', errors: [{ path: 'after' }] })
  })

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('with %s is refused', async method => {
    const { problem, headers } = await get(urlOf(channel), bob.token, { method })
    expect(problem).toMatchObject({ code: 'method_not_allowed', status: 405 })
    expect(headers.get('allow')).toBe('GET')
  })

  it('with HEAD is refused, and opens no subscription', async () => {
    const { status, headers } = await fetch(urlOf(channel), {
      method: 'HEAD',
      headers: { authorization: `Bearer ${bob.token}`, accept: 'text/event-stream' },
    })
    expect([status, headers.get('allow')]).toEqual([405, 'GET'])
  })

  it('may come from an allowed page, with Last-Event-ID', async () => {
    const { headers } = await fetch(urlOf(channel), {
      method: 'OPTIONS',
      headers: { origin: 'https://tutti.example', 'access-control-request-method': 'GET' },
    })
    expect(headers.get('access-control-allow-headers')).toContain('Last-Event-ID')
  })
})

describe('limits', () => {
  it(`a person has at most ${channelStreamsPerProfileMax} streams on a node, and others are unaffected`, async () => {
    const zoe = await testApp.signIn('zoe', { node: 0 })
    const ownReader = `user:${zoe.id}`
    const position = await after(channel, 0)
    const leaving = new AbortController()
    const poll = get(urlOf(channel, { after: position, wait: 25 }), zoe.token, { signal: leaving.signal }).catch(
      () => undefined,
    )
    await waiting('long-poll')
    const many = await Promise.all(
      numberRange(1, channelStreamsPerProfileMax).map(() => listenTo(urlOf(ownReader), zoe.token)),
    )
    await Promise.all(many.map(reader => reader.waitFor('followed')))
    for (const query of [{}, { after: position, wait: 25 }]) {
      const accept = 'after' in query ? 'application/json' : 'text/event-stream'
      const { problem, headers } = await get(urlOf(channel, query), zoe.token, { headers: { accept } })
      expect(problem).toMatchObject({ code: 'too_many_channel_streams', status: 429, retryAfter: 5 })
      expect(headers.get('retry-after')).toBe('5')
    }
    // Long-polls that return at once do not count; other people and nodes have their own quota.
    expect((await get(urlOf(channel, { after: position }), zoe.token)).status).toBe(200)
    for (const [person, node] of [
      [bob, 1],
      [zoe, 0],
    ] as const) {
      const reader = await listenTo(urlOf(channel, {}, node), person.token)
      await reader.waitFor('followed')
    }
    leaving.abort()
    await poll
    await waiting('long-poll', 0)
    const reader = await listenTo(urlOf(channel), zoe.token)
    await reader.waitFor('followed')
    for (const one of many) await one[Symbol.asyncDispose]()
  })

  it('a caller who opens streams too often must wait', async () => {
    const limited = await testApp.signIn('tired')
    await testApp.app.rateLimiter.consume(
      'channels.getEvents',
      limited.id,
      channelStreamRequestsPerMinute,
      channelStreamRequestsPerMinute,
    )
    const { problem, headers } = await get(urlOf(channel), limited.token)
    expect(problem).toMatchObject({ code: 'too_many_requests', status: 429 })
    expect(headers.get('retry-after')).toBe(String(problem.retryAfter))
  })
})

it('a draining node closes its streams, which continue on another one without a gap', async () => {
  const of = `user:${bob.id}`
  const going = await ownNode()
  const at = (query = '') => `http://127.0.0.1:${going.port}/api/v1/channels/${of}/events${query}`
  const reader = await listenTo(at(), bob.token)
  await reader.waitFor('followed')
  await emitNumbers(testApp.app, of, [1])
  await waitUntil(() => reader.offsets.length === 1)
  const position = reader.lastId ?? ''
  const poll = get(at(`?after=${position}&wait=25`))
  await waitUntil(async () => (await going.streams()) === 2)
  const ended = going.end()
  expect((await reader.waitFor('draining')).data).toEqual({ channel: of })
  expect((await poll).data).toMatchObject({ recovered: true, events: [] })
  await reader.waitForEnd()
  await ended
  await emitNumbers(testApp.app, of, [2, 3])
  const again = await listenTo(urlOf(of), bob.token, { 'last-event-id': position })
  await waitUntil(() => again.offsets.length === 2)
  const [first = 0] = reader.offsets
  expect([...reader.offsets, ...again.offsets]).toEqual(numberRange(first, first + 3))
})

describe('a client that does not read', () => {
  it('is closed after a while, costs at most a page of memory, and resumes after its position', async () => {
    await using transport = await startOwnServer({ pingEveryMs: 20, stallTimeoutMs: 300 })
    const big = 'x'.repeat(20_000)
    const payloads = numberRange(0, 400).map(n => `${big}${n}`)
    const path = `/api/v1/channels/${channel}/events?after=${await after(channel, 0)}`
    const lines = [`GET ${path} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${bob.token}`, 'Accept: text/event-stream']
    const socket = connect({ host: '127.0.0.1', port: transport.port })
    let received = ''
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    socket.once('data', chunk => {
      received += chunk.toString()
      socket.pause()
    })
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    await waitUntil(() => received.includes('event: followed'))
    await append(channel, payloads)
    await waitUntil(async () => (await transport.ended()).includes('slow'))
    socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk))
    socket.resume()
    await closed
    const ids = [...received.matchAll(/^id: (\w+:\d+)\ndata: .*\n\n/gm)].map(([, id]) => id ?? '')
    const last = ids.at(-1) ?? ''
    const read = Number(last.split(':')[1])
    expect(read).toBeLessThan(400)
    const again = await listenTo(urlOf(channel), bob.token, { 'last-event-id': last })
    await waitUntil(() => again.offsets.at(-1) === 400)
    expect(again.offsets).toEqual(numberRange(read + 1, 401))
  }, 30_000)

  it('that is idle receives pings', async () => {
    await using transport = await startOwnServer({ pingEveryMs: 20, stallTimeoutMs: 300 })
    const url = `http://127.0.0.1:${transport.port}/api/v1/channels/${channel}/events`
    const reader = await listenTo(url, bob.token)
    await waitUntil(() => reader.comments.length > 2)
    expect(new Set(reader.comments)).toEqual(new Set([': ping']))
    expect(reader.hasEnded).toBe(false)
  })
})

it('streams restart when the log does', async () => {
  await emitNumbers(testApp.app, channel, [1])
  const reader = await listenTo(urlOf(channel, { after: await after(channel, 0) }), bob.token)
  await waitUntil(() => reader.offsets.length === 1)
  // As after a restore, which an operator must declare.
  await testApp.app.db.query('update channel_log_generation set generation = generation + 1')
  await emitNumbers(testApp.app, channel, [2])
  await reader.waitForEnd()
  expect(reader.offsets).toEqual([1])
  const resuming = { 'last-event-id': reader.lastId ?? '' }
  const again = await listenTo(urlOf(channel), bob.token, resuming)
  expect((await again.waitFor('followed')).data).toMatchObject({ recovered: false })
})

/** A node with other stream limits. */
async function startOwnServer(limits: { pingEveryMs: number; stallTimeoutMs: number }) {
  const ownReader = await createOwnApp()
  const pipeline = createPipeline(ownReader, registry)
  const app = express()
  const http = createServer()
  const gateway = openGateway(http, pipeline)
  app.use(logRequests(ownReader.log))
  bindChannelEvents(app, pipeline, gateway.channelStreams, limits)
  http.on('request', app)
  return {
    port: await listen(http, 0),
    ended: async () => (await ownReader.metrics.channelStreamsEnded.get()).values.map(({ labels }) => labels.reason),
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections()
      await gateway[Symbol.asyncDispose]()
      await ownReader[Symbol.asyncDispose]()
    },
  }
}

/** Another node, which ends on demand. */
async function ownNode() {
  const ownReader = await createOwnApp()
  const node = await startWeb(ownReader, registry, 0)
  return {
    port: node.port,
    streams: async () =>
      (await ownReader.metrics.channelStreams.get()).values.reduce((sum, { value }) => sum + value, 0),
    async end() {
      await node[Symbol.asyncDispose]()
      await ownReader[Symbol.asyncDispose]()
    },
  }
}

const createOwnApp = () =>
  createAppContext(readConfig(testApp.variables), {
    clock: testApp.clock,
    log: testApp.app.log,
    database: testApp.app.db,
  })

/** Events larger than any of the product. */
async function append(to: string, texts: readonly string[]): Promise<void> {
  const { db, channelLog } = testApp.app
  const at = new Date(testApp.clock.now()).toISOString()
  const events = texts.map(text => ({ id: newId(new Date()), name: 'test.large', at, channels: [to], data: { text } }))
  channelLog.notifyRelays(await db.transaction(() => channelLog.append(events)))
}
