import { type TuttiProblem } from '../../client'
import { readConfig } from '../../kernel/platform/config'
import { createAppContext } from '../../kernel/platform/app-context'
import { startWeb } from '../../server/main'
import { registry } from '../../skills'
import { emitNumbers, numberRange } from '../emit-numbers'
import { makeTrack } from '../factories'
import { waitUntil as soon } from '../kernel/wait-until'
import { createTestApp, type TestApp } from '../test-app'
import { createListener, openClient, problemOf, waitUntil } from './open-client'
import { startTcpProxy } from './tcp-proxy'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp({ variables: { DRAIN_SECONDS: '1' } })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const url = () => testApp.nodes[0]?.url ?? ''
const channelFor = async (ownerId: string) => `track:${(await makeTrack(ownerId)).id}` as const

/** The number of sessions refreshed with a newer token. */
async function refreshes(): Promise<number> {
  const { values } = await testApp.app.metrics.tokenRefreshes.get()
  return values.reduce((sum, { value, labels }) => sum + (labels.outcome === 'newer' ? value : 0), 0)
}

/** A new person, and a function that issues a new token on each call. */
async function newcomer(name: string) {
  const { id } = await testApp.signIn(name, { node: 0 })
  const refused: (string | undefined)[] = []
  const token = (problem?: TuttiProblem) => {
    refused.push(problem?.code)
    return testApp.issuer.issueToken(name, { ttlSeconds: 300 })
  }
  return { id, refused, token, channel: await channelFor(id) }
}

describe('a session', () => {
  it('is refreshed with a newer token before the old one expires, on the same connection', async () => {
    const { token, refused, channel } = await newcomer('ann')
    using client = openClient({ url: url(), token, transports: ['socket'] })
    const listener = createListener()
    await client.follow(channel, listener.record)
    const before = await refreshes()
    testApp.clock.advance(245_000)
    await soon(async () => (await refreshes()) === before + 1)
    testApp.clock.advance(200_000)
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('the event is received', () => listener.events.length === 1)
    await client.call('user-profile.getMe', {})
    expect({ refused, transports: client.transports, problems: client.problems }).toEqual({
      refused: [undefined, undefined],
      transports: ['socket'],
      problems: [],
    })
  })

  it('requests a token again if there is none, or the same one', async () => {
    const { token, id, channel } = await newcomer('ben')
    const first = await token()
    const answers = [
      () => Promise.resolve(first),
      () => Promise.resolve(first),
      () => Promise.reject(new Error('offline')),
    ]
    let tokenCalls = 0
    const source = () => {
      tokenCalls += 1
      return answers.shift()?.() ?? token()
    }
    using client = openClient({ url: url(), token: source, transports: ['socket'] })
    await client.follow(channel, () => undefined)
    const before = await refreshes()
    testApp.clock.advance(245_000)
    await soon(async () => (await refreshes()) === before + 1)
    expect(tokenCalls).toBe(4)
    testApp.clock.advance(200_000)
    expect(await client.call('user-profile.getMe', {})).toMatchObject({ id })
    expect({ transports: client.transports, codes: client.problems.map(({ code }) => code) }).toEqual({
      transports: ['socket'],
      codes: ['token_unavailable'],
    })
  })

  it.each(['socket', 'sse', 'long-poll'] as const)(
    'that was revoked continues with a new token over %s, and misses nothing',
    async transport => {
      const { token, refused, channel } = await newcomer(`cleo-${transport}`)
      using client = openClient({ url: url(), token, transports: [transport] })
      const listener = createListener()
      await client.follow(channel, listener.record)
      await emitNumbers(testApp.app, channel, [1])
      await waitUntil('the event is received', () => listener.events.length === 1)
      testApp.clock.advance(1_000)
      await client.call('user-profile.revokeSessions', {})
      testApp.clock.advance(1_000)
      await emitNumbers(testApp.app, channel, [2])
      await waitUntil('the event is received', () => listener.events.length === 2)
      await emitNumbers(testApp.app, channel, [3])
      await waitUntil('the event is received', () => listener.events.length === 3)
      expect(listener.numbers()).toEqual([1, 2, 3])
      if (transport === 'socket') expect(refused).toEqual([undefined, 'session_revoked'])
    },
  )

  it('ends for good if no other token is available, and notifies all listeners', async () => {
    const { id, channel } = await newcomer('dora')
    const token = await testApp.issuer.issueToken('dora', { ttlSeconds: 60 })
    using client = openClient({ url: url(), token })
    const closed: string[] = []
    await client.follow(channel, { onClosed: ({ code }) => closed.push(code) })
    testApp.clock.advance(70_000)
    await waitUntil('it is reported', () => closed.length === 1)
    expect(closed).toEqual(['token_expired'])
    expect(await problemOf(client.follow(`user:${id}`, () => undefined))).toMatchObject({ code: 'token_expired' })
  })

  it('requests another token once when one is refused over REST', async () => {
    const { token, id } = await newcomer('eve')
    const refused: (string | undefined)[] = []
    const source = (problem?: TuttiProblem) => {
      refused.push(problem?.code)
      return problem === undefined ? 'nonsense' : token()
    }
    using client = openClient({ url: url(), token: source, transports: ['long-poll'] })
    expect(await client.call('user-profile.getMe', {})).toMatchObject({ id })
    expect(refused).toEqual([undefined, 'token_invalid'])
    using stubborn = openClient({ url: url(), token: () => 'nonsense', transports: ['long-poll'] })
    expect(await problemOf(stubborn.call('user-profile.getMe', {}))).toMatchObject({ code: 'token_invalid' })
  })
})

describe('a draining node', () => {
  it.each(['socket', 'sse', 'long-poll'] as const)('is left before it stops, over %s', async transport => {
    const { db: database, log } = testApp.app
    await using leaving = await createAppContext(readConfig(testApp.variables), { clock: testApp.clock, log, database })
    await leaving.redis.ready(5_000)
    const node = await startWeb(leaving, registry, 0)
    await using wire = await startTcpProxy(`http://127.0.0.1:${node.port}`)
    const { token, channel } = await newcomer(`finn-${transport}`)
    using client = openClient({ url: wire.url, token, transports: [transport] })
    const listener = createListener()
    await client.follow(channel, listener.record)
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('the event is received', () => listener.events.length === 1)
    wire.routeTo(url())
    const ending = Promise.resolve(node[Symbol.asyncDispose]())
    for (let n = 2; n <= 40; n += 1) {
      await emitNumbers(testApp.app, channel, [n])
      if (n % 10 === 0) await client.call('user-profile.getMe', {})
    }
    await ending
    await emitNumbers(testApp.app, channel, [41])
    await waitUntil('all events are received', () => listener.events.length >= 41)
    expect(listener.offsets()).toEqual(numberRange(1, 42))
    // Never without a connection.
    expect({ transports: client.transports, problems: client.problems }).toEqual({
      transports: [transport],
      problems: [],
    })
  })
})
