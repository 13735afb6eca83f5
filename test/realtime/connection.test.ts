import { join } from 'node:path'
import { Server } from 'socket.io'
import { io, type Socket } from 'socket.io-client'
import { type TokenOptions } from '../../dev/issuer'
import { type Redis, startRedis } from '../../dev/processes/redis'
import { reconnectByStatus, closeReasonList } from '../../kernel/events/close-reasons'
import { type Problem, type Refusal } from '../../kernel/pipeline/refusals'
import { type ChannelEvent, type EventFrame } from '../../kernel/events/frames'
import { watchSessions } from '../../realtime/session/session-watcher'
import { addComment } from '../../skills/interactions/add-comment'
import { revokeUserSessions } from '../../skills/moderation/revoke-user-sessions'
import { revokeSessions } from '../../skills/user-profile/revoke-sessions'
import { getMe } from '../../skills/user-profile/get-me'
import { createTemporaryFolder } from '../dev/processes-fixture/create-temporary-folder'
import { exampleRecorder } from '../example-recorder'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { requestOverRest, type Person, type Reply } from '../person'
import { createTestApp, type TestApp } from '../test-app'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let redis: Redis
let testApp: TestApp
let bob: Person
let testCount = 0
/** New people in each test, so that earlier revocations do not apply. */
let name: string
const connections: Connection[] = []

beforeAll(async () => {
  folder = await createTemporaryFolder()
  redis = await startRedis({ folder: join(folder.path, 'redis') })
  testApp = await createTestApp({ variables: { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) } })
})
beforeEach(async () => {
  testCount += 1
  name = `ann${testCount}`
  bob = await testApp.signIn(`bob${testCount}`)
})
afterEach(() => {
  for (const { socket } of connections.splice(0)) socket.disconnect()
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** A connection that records all messages of the server. */
class Connection {
  readonly messages: { name: string; data: unknown }[] = []
  disconnectReason: string | undefined

  constructor(readonly socket: Socket) {
    connections.push(this)
    socket.onAny((event: string, data: unknown) => this.messages.push({ name: event, data }))
    socket.on('disconnect', reason => (this.disconnectReason = reason))
  }

  of<T>(event: string): T[] {
    return this.messages.filter(one => one.name === event).map(({ data }) => data as T)
  }

  get closed(): Problem | undefined {
    return this.of<Problem>('connection.closed')[0]
  }

  events(): ChannelEvent[] {
    return this.of<EventFrame>('events').flatMap(({ events }) => events)
  }

  async call(event: string, input: unknown): Promise<Reply> {
    return (await this.socket.timeout(8_000).emitWithAck(event, { input })) as Reply
  }

  async refresh(token: unknown): Promise<Reply> {
    return this.call('session.refresh', { token })
  }

  async follow(channel: string): Promise<void> {
    expect(await this.call('channel.follow', { channel })).toHaveProperty('data')
  }

  /** Resolves with the code when the server has closed it for good. */
  async waitForClose(): Promise<string | undefined> {
    await waitUntil(() => this.disconnectReason !== undefined)
    expect(this.disconnectReason).toBe('io server disconnect')
    return this.closed?.code
  }
}

const urlOf = (node: number) => testApp.nodes[node]?.url ?? ''

async function connect(token: string, node = 0): Promise<Connection> {
  const socket = io(urlOf(node), { auth: { token }, transports: ['websocket'], forceNew: true, reconnection: false })
  exampleRecorder.recordSocket(socket)
  const connection = new Connection(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  return connection
}

const refusedHandshake = (token: string, node: number): Promise<unknown> =>
  connect(token, node).then(
    () => 'connected',
    (error: unknown) => (typeof error === 'object' && error !== null && 'data' in error ? error.data : error),
  )

const tokenFor = (options: TokenOptions = {}) => testApp.issuer.issueToken(name, options)
const headers = (token: string) => ({ authorization: `Bearer ${token}` })
const overRest = (token: string, node: number) => requestOverRest(urlOf(node), getMe, {}, headers(token))
/** The expiry in a token, in epoch milliseconds. */
const expiryOf = (token: string) =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number }).exp * 1_000
const iso = (ms: number) => new Date(ms).toISOString()
/** Tokens name whole seconds: makes later tokens newer than earlier ones. */
const advanceSecond = () => testApp.clock.advance(1_000)

/** Emits events on a channel repeatedly. */
async function createChannel(): Promise<{ channel: string; emit: (emitted: number) => Promise<void> }> {
  const track = await makeTrack(bob.id)
  let emitted = 0
  const emit = async (more: number) => {
    for (const end = emitted + more; emitted < end; emitted += 1)
      await bob.call(addComment, { trackId: track.id, body: `Comment ${emitted}`, positionMs: 0 })
  }
  return { channel: `track:${track.id}`, emit }
}

describe('a token that expires on an open socket', () => {
  it('is announced once, a minute before; then the socket is closed and receives nothing more', async () => {
    const { channel, emit } = await createChannel()
    const token = await tokenFor({ ttlSeconds: 300 })
    const [connection, other] = [await connect(token), await connect(await tokenFor())]
    for (const one of [connection, other]) await one.follow(channel)
    testApp.clock.advance(200_000)
    await emit(1)
    await waitUntil(() => connection.events().length === 1)
    expect(connection.of('session.expiring')).toEqual([])
    testApp.clock.advance(45_000)
    await waitUntil(() => connection.of('session.expiring').length > 0)
    testApp.clock.advance(50_000)
    await emit(1)
    await waitUntil(() => connection.events().length === 2)
    testApp.clock.advance(15_000)
    expect(await connection.waitForClose()).toBe('token_expired')
    await emit(2)
    await waitUntil(() => other.events().length === 4)
    expect(connection.of('session.expiring')).toEqual([{ expiresAt: iso(expiryOf(token)) }])
    expect(connection.events()).toHaveLength(2)
    expect(connection.messages.at(-1)).toMatchObject({ name: 'connection.closed', data: { status: 401 } })
    expect(other.closed).toBeUndefined()
  })

  it('may be refreshed late, within the grace period; the old expiry no longer applies', async () => {
    const connection = await connect(await tokenFor({ ttlSeconds: 60 }))
    testApp.clock.advance(61_500)
    const newer = await tokenFor({ ttlSeconds: 600 })
    expect(await connection.refresh(newer)).toEqual({ data: { expiresAt: iso(expiryOf(newer)) } })
    testApp.clock.advance(5 * minuteMs)
    const other = await connect(await tokenFor({ ttlSeconds: 1 }))
    testApp.clock.advance(10_000)
    expect(await other.waitForClose()).toBe('token_expired')
    expect(connection.disconnectReason).toBeUndefined()
  })

  it('with a distant expiry closes nothing now, and lasts a day at most', async () => {
    const token = await tokenFor({ ttlSeconds: (40 * dayMs) / 1_000 })
    const connection = await connect(token)
    const short = await connect(await tokenFor({ ttlSeconds: 1 }))
    testApp.clock.advance(10_000)
    expect(await short.waitForClose()).toBe('token_expired')
    const { data } = await connection.refresh(token)
    expect(data).toEqual({ expiresAt: iso(expiryOf(token) - 39 * dayMs) })
    expect(connection.disconnectReason).toBeUndefined()
  })
})

describe('session.refresh', () => {
  it('loses and delays no event, also when called often', async () => {
    const { channel, emit } = await createChannel()
    const connection = await connect(await tokenFor({ ttlSeconds: 100 }))
    await connection.follow(channel)
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, index) => tokenFor({ ttlSeconds: 200 + index })))
    const [replies] = await Promise.all([Promise.all(tokens.map(token => connection.refresh(token))), emit(15)])
    for (const reply of replies) expect(reply).toHaveProperty('data')
    await waitUntil(() => connection.events().length === 15)
    expect(connection.events().map(({ offset }) => offset)).toEqual(Array.from({ length: 15 }, (_, index) => index + 1))
    // The token that lasts longest applies, in any order.
    const [last] = replies.slice(-1)
    const longest = iso(Math.max(...tokens.map(expiryOf)))
    expect(last).toEqual({ data: { expiresAt: longest } })
    expect(await connection.refresh(tokens[0])).toEqual({ data: { expiresAt: longest } })
  })

  it('ignores an older token, and accepts a newer one that expires sooner', async () => {
    const early = await tokenFor({ ttlSeconds: 200 })
    advanceSecond()
    const connection = await connect(await tokenFor({ ttlSeconds: 7_200 }))
    const { data } = await connection.refresh(early)
    expect(data).not.toEqual({ expiresAt: iso(expiryOf(early)) })
    advanceSecond()
    const sooner = await tokenFor({ ttlSeconds: 30 })
    expect(await connection.refresh(sooner)).toEqual({ data: { expiresAt: iso(expiryOf(sooner)) } })
    await waitUntil(() => connection.of('session.expiring').length > 0)
    expect(connection.of('session.expiring')).toEqual([{ expiresAt: iso(expiryOf(sooner)) }])
  })

  it('is announced again before the next expiry', async () => {
    const connection = await connect(await tokenFor({ ttlSeconds: 30 }))
    await waitUntil(() => connection.of('session.expiring').length === 1)
    advanceSecond()
    expect(await connection.refresh(await tokenFor({ ttlSeconds: 40 }))).toHaveProperty('data')
    await waitUntil(() => connection.of('session.expiring').length === 2)
  })

  it("rejects another person's token, and closes the socket for good", async () => {
    const connection = await connect(await tokenFor())
    const { error } = await connection.refresh(bob.token)
    expect(error).toMatchObject({ status: 403, code: 'token_subject_mismatch' })
    expect(await connection.waitForClose()).toBe('token_subject_mismatch')
  })

  it('rejects an invalid token, and keeps the socket open with the old one', async () => {
    const connection = await connect(await tokenFor())
    const expired = await tokenFor({ ttlSeconds: -60 })
    expect((await connection.refresh(expired)).error).toMatchObject({ status: 401, code: 'token_expired' })
    expect((await connection.refresh('garbage')).error).toMatchObject({ status: 401, code: 'token_invalid' })
    for (const nothing of ['', 'a b', 7, null, {}, undefined, 'x'.repeat(8_193)])
      expect((await connection.refresh(nothing)).error).toMatchObject({ status: 400, code: 'invalid_input' })
    const more = await connection.call('session.refresh', { token: await tokenFor(), sub: 'bob' })
    expect(more.error?.errors).toEqual([expect.objectContaining({ path: 'sub', code: 'unknown_field' })])
    expect(await connection.call(getMe.name, {})).toHaveProperty('data')
  })

  it('rejects a revoked token', async () => {
    const token = await tokenFor({ sid: 'old' })
    const connection = await connect(await tokenFor({ sid: 'current' }))
    await connection.call(revokeSessions.name, { sessionId: 'old' })
    await waitUntil(async () => (await overRest(token, 0)).error?.code === 'session_revoked')
    expect((await connection.refresh(token)).error).toMatchObject({ status: 401, code: 'session_revoked' })
    expect(connection.disconnectReason).toBeUndefined()
  })

  it('re-checks access to followed channels after a change of roles, and applies them to calls', async () => {
    const privateTrack = await makeTrack(bob.id, { visibility: 'private' })
    const open = await makeTrack(bob.id)
    const connection = await connect(await tokenFor({ roles: ['moderator'] }))
    for (const { id } of [privateTrack, open]) await connection.follow(`track:${id}`)
    const report = 'moderation.listReports'
    expect(await connection.call(report, {})).toHaveProperty('data')
    advanceSecond()
    expect(await connection.refresh(await tokenFor({ roles: ['moderator', 'x'] }))).toHaveProperty('data')
    advanceSecond()
    expect(await connection.refresh(await tokenFor())).toHaveProperty('data')
    expect((await connection.call(report, {})).error).toMatchObject({ code: 'forbidden' })
    await waitUntil(() => connection.of('channel.closed').length > 0)
    expect(connection.of('channel.closed')).toEqual([expect.objectContaining({ channel: `track:${privateTrack.id}` })])
  })

  it('is rate limited, and returns `retryAfter`', async () => {
    const connection = await connect(await tokenFor())
    const me = (await connection.call(getMe.name, {})).data as { id: string }
    await testApp.app.rateLimiter.consume('session.refresh', me.id, 120, 120)
    const { error } = await connection.refresh(await tokenFor())
    expect(error).toMatchObject({ status: 429, code: 'too_many_requests' })
    expect(error?.retryAfter).toBeGreaterThan(0)
  })
})

describe('revoked sessions', () => {
  it('with scope all: all sockets close on both nodes, and both refuse the tokens over REST and at the handshake', async () => {
    const tokens = await Promise.all([1, 2, 3, 4, 5, 6].map(() => tokenFor()))
    const all = await Promise.all(tokens.map((token, index) => connect(token, index % 2)))
    const neighbours = [await connect(bob.token, 0), await connect(bob.token, 1)]
    const [first] = all
    expect(await first?.call(revokeSessions.name, {})).toHaveProperty('data')
    for (const connection of all) expect(await connection.waitForClose()).toBe('session_revoked')
    for (const node of [0, 1])
      for (const token of tokens) {
        const refused = await overRest(token, node)
        expect(refused.error).toMatchObject({ status: 401, code: 'session_revoked', retryAfter: 1 })
        expect(refused.headers?.get('www-authenticate')).toContain('invalid_token')
        expect(await refusedHandshake(token, node)).toMatchObject({ status: 401, code: 'session_revoked' })
      }
    for (const connection of neighbours) expect(connection.disconnectReason).toBeUndefined()
    advanceSecond()
    const next = await tokenFor()
    expect(await overRest(next, 1)).toHaveProperty('data')
    expect((await connect(next, 1)).socket.connected).toBe(true)
  })

  it('with scope all while more connect: none is left', async () => {
    const tokens = await Promise.all(Array.from({ length: 24 }, () => tokenFor()))
    const [ending, ...others] = tokens
    if (ending === undefined) throw new Error('no token')
    await overRest(ending, 0)
    const connecting = others.map((token, index) => connect(token, index % 2).catch(() => undefined))
    await requestOverRest(urlOf(0), revokeSessions, {}, headers(ending))
    for (const connection of await Promise.all(connecting))
      if (connection !== undefined) expect(await connection.waitForClose()).toBe('session_revoked')
    expect(connections.filter(({ socket }) => socket.connected)).toEqual([])
  })

  it("with scope others: the caller's session continues, all others end", async () => {
    const ownToken = await tokenFor({ sid: 'phone' })
    const [phone, again, laptop] = [
      await connect(ownToken, 0),
      await connect(await tokenFor({ sid: 'phone' }), 1),
      await connect(await tokenFor({ sid: 'laptop' }), 1),
    ]
    const me = (await phone.call(getMe.name, {})).data as { id: string }
    await phone.follow(`user:${me.id}`)
    expect(await phone.call(revokeSessions.name, { scope: 'others' })).toHaveProperty('data')
    expect(await laptop.waitForClose()).toBe('session_revoked')
    await waitUntil(() => phone.events().some(event => event.name === 'user-profile.sessionsRevoked'))
    expect(phone.events()[0]?.data).toMatchObject({ profileId: me.id, exceptSessionId: 'phone', sessionId: null })
    expect([phone.disconnectReason, again.disconnectReason]).toEqual([undefined, undefined])
    expect(await overRest(ownToken, 1)).toHaveProperty('data')
  })

  it('while Redis is away: both nodes close them within the re-check interval', async () => {
    const all = [await connect(await tokenFor(), 0), await connect(await tokenFor(), 1)]
    const token = await tokenFor()
    await redis.stop()
    expect(await requestOverRest(urlOf(0), revokeSessions, {}, headers(token))).toHaveProperty('data')
    testApp.clock.advance(10_000)
    for (const connection of all) expect(await connection.waitForClose()).toBe('session_revoked')
    for (const node of [0, 1]) expect((await overRest(token, node)).error).toMatchObject({ code: 'session_revoked' })
    await redis.restart()
    for (const { app: node } of testApp.nodes) await waitUntil(() => node.redis.commands.status === 'ready')
    for (const node of [0, 1]) expect((await overRest(token, node)).error).toMatchObject({ code: 'session_revoked' })
  })

  it('without a notification between nodes: both close them within the re-check interval', async () => {
    const token = await tokenFor()
    const all = [await connect(token, 0), await connect(token, 1)]
    const { id: profileId } = (await all[0]?.call(getMe.name, {}))?.data as { id: string }
    const waitForClose = { profileId, sessionId: null, exceptSessionId: null, until: iso(testApp.clock.now()) }
    await testApp.app.revocations.insert(waitForClose, profileId)
    testApp.clock.advance(10_000)
    for (const connection of all) expect(await connection.waitForClose()).toBe('session_revoked')
    for (const node of [0, 1]) expect((await overRest(token, node)).error).toMatchObject({ code: 'session_revoked' })
  })

  it('by a moderator: the person is disconnected at once, and may return with a newer token', async () => {
    const moderator = await testApp.signIn('mod', { roles: ['moderator'] })
    const token = await tokenFor()
    const connection = await connect(token, 1)
    const me = (await connection.call(getMe.name, {})).data as { id: string }
    await moderator.call(revokeUserSessions, { profileId: me.id })
    expect(await connection.waitForClose()).toBe('session_revoked')
    advanceSecond()
    expect(await overRest(await tokenFor(), 0)).toHaveProperty('data')
  })

  it('end streams and long-polls too', async () => {
    const ends: Refusal[] = []
    using sessions = watchSessions(testApp.app, new Server())
    const live = (id: string, expiresAt: number) => ({ actor: { id, roles: [] }, issuedAt: 1_000, expiresAt })
    const id = bob.id
    const later = testApp.clock.now() + dayMs
    const soon = testApp.clock.now() + 2_000
    sessions.watch(live(id, soon), refusal => ends.push(refusal))
    sessions.watch(live('nobody', later), () => expect(true).toBe(false))
    const disconnectReason = sessions.watch(live(id, later), () => expect(true).toBe(false))
    disconnectReason()
    testApp.clock.advance(10_000)
    await waitUntil(() => ends.length === 1)
    sessions.watch(live(id, testApp.clock.now() + dayMs), refusal => ends.push(refusal))
    await bob.call(revokeSessions, {})
    await waitUntil(() => ends.length === 2)
    sessions.watch(live(id, testApp.clock.now() + dayMs), refusal => ends.push(refusal))
    expect(ends.map(({ kind }) => kind.code)).toEqual(['token_expired', 'session_revoked', 'session_revoked'])
  })
})

it('clients that move from another node cost no PostgreSQL queries', async () => {
  const tokens = await Promise.all(
    Array.from({ length: 30 }, (_, index) => testApp.issuer.issueToken(`many-${testCount}-${index}`)),
  )
  await Promise.all(tokens.map(token => connect(token, 0)))
  const { db } = testApp.app
  const [transaction, query] = [jest.spyOn(db, 'transaction'), jest.spyOn(db, 'query')]
  await Promise.all(tokens.map(token => connect(token, 1)))
  expect([transaction.mock.calls.length, query.mock.calls.length]).toEqual([0, 0])
  for (const spy of [transaction, query]) spy.mockRestore()
})

it('every close reason says whether to reconnect', () => {
  for (const { refusalKind, description } of closeReasonList) {
    expect(reconnectByStatus[refusalKind.status]).toMatch(/^[A-Z]/)
    expect(description).toMatch(/^[A-Z`].*\.$/)
  }
})

it('session changes are counted', async () => {
  const text = await testApp.app.metrics.registry.metrics()
  expect(text).toMatch(/tutti_token_refreshes_total\{outcome="newer"\} [1-9]/)
  expect(text).toMatch(/tutti_token_refreshes_total\{outcome="token_subject_mismatch"\} 1/)
  expect(text).toMatch(/tutti_connections_closed_total\{code="token_expired"\} [1-9]/)
  expect(text).toMatch(/tutti_connections_closed_total\{code="session_revoked"\} [1-9]/)
  expect(text).toMatch(/tutti_revocations_total [1-9]/)
  expect(text).toMatch(/tutti_revocations_check_age_seconds \d/)
})
