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

/** How many sessions went on with a newer token. */
async function refreshes(): Promise<number> {
  const { values } = await testApp.app.metrics.tokenRefreshes.get()
  return values.reduce((sum, { value, labels }) => sum + (labels.outcome === 'newer' ? value : 0), 0)
}

/** Somebody nobody has met, and tokens for them: each that is asked for is a new one. */
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
  it('goes on with a newer token before the old one expires, on the same connection', async () => {
    const { token, refused, channel } = await newcomer('ann')
    using client = openClient({ url: url(), token, transports: ['socket'] })
    const heard = createListener()
    await client.follow(channel, heard.hear)
    const before = await refreshes()
    testApp.clock.advance(245_000)
    await soon(async () => (await refreshes()) === before + 1)
    testApp.clock.advance(200_000)
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('it is heard', () => heard.events.length === 1)
    await client.call('user-profile.getMe', {})
    expect({ refused, ways: client.transports, problems: client.problems }).toEqual({
      refused: [undefined, undefined],
      ways: ['socket'],
      problems: [],
    })
  })

  it('asks for a token again while there is none, or the same one', async () => {
    const { token, id, channel } = await newcomer('ben')
    const first = await token()
    const answers = [
      () => Promise.resolve(first),
      () => Promise.resolve(first),
      () => Promise.reject(new Error('offline')),
    ]
    let asked = 0
    const source = () => {
      asked += 1
      return answers.shift()?.() ?? token()
    }
    using client = openClient({ url: url(), token: source, transports: ['socket'] })
    await client.follow(channel, () => undefined)
    const before = await refreshes()
    testApp.clock.advance(245_000)
    await soon(async () => (await refreshes()) === before + 1)
    expect(asked).toBe(4)
    testApp.clock.advance(200_000)
    expect(await client.call('user-profile.getMe', {})).toMatchObject({ id })
    expect({ ways: client.transports, codes: client.problems.map(({ code }) => code) }).toEqual({
      ways: ['socket'],
      codes: ['token_unavailable'],
    })
  })

  it.each(['socket', 'sse', 'long-poll'] as const)(
    'that was ended goes on with a new token over %s, and nothing is missed',
    async transport => {
      const { token, refused, channel } = await newcomer(`cleo-${transport}`)
      using client = openClient({ url: url(), token, transports: [transport] })
      const heard = createListener()
      await client.follow(channel, heard.hear)
      await emitNumbers(testApp.app, channel, [1])
      await waitUntil('it is heard', () => heard.events.length === 1)
      testApp.clock.advance(1_000)
      await client.call('user-profile.revokeSessions', {})
      testApp.clock.advance(1_000)
      await emitNumbers(testApp.app, channel, [2])
      await waitUntil('it is heard', () => heard.events.length === 2)
      await emitNumbers(testApp.app, channel, [3])
      await waitUntil('it is heard', () => heard.events.length === 3)
      expect(heard.numbers()).toEqual([1, 2, 3])
      if (transport === 'socket') expect(refused).toEqual([undefined, 'session_revoked'])
    },
  )

  it('ends for good when no other token can come, and says so to whoever follows', async () => {
    const { id, channel } = await newcomer('dora')
    const token = await testApp.issuer.issueToken('dora', { ttlSeconds: 60 })
    using client = openClient({ url: url(), token })
    const closed: string[] = []
    await client.follow(channel, { onClosed: ({ code }) => closed.push(code) })
    testApp.clock.advance(70_000)
    await waitUntil('it is told', () => closed.length === 1)
    expect(closed).toEqual(['token_expired'])
    expect(await problemOf(client.follow(`user:${id}`, () => undefined))).toMatchObject({ code: 'token_expired' })
  })

  it('asks for another token when one is refused over REST, once', async () => {
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

describe('a node that goes away', () => {
  it.each(['socket', 'sse', 'long-poll'] as const)('is left before it goes, over %s', async transport => {
    const { db: database, log } = testApp.app
    await using leaving = await createAppContext(readConfig(testApp.variables), { clock: testApp.clock, log, database })
    await leaving.redis.ready(5_000)
    const node = await startWeb(leaving, registry, 0)
    await using wire = await startTcpProxy(`http://127.0.0.1:${node.port}`)
    const { token, channel } = await newcomer(`finn-${transport}`)
    using client = openClient({ url: wire.url, token, transports: [transport] })
    const heard = createListener()
    await client.follow(channel, heard.hear)
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('it is heard', () => heard.events.length === 1)
    wire.routeTo(url())
    const ending = Promise.resolve(node[Symbol.asyncDispose]())
    for (let n = 2; n <= 40; n += 1) {
      await emitNumbers(testApp.app, channel, [n])
      if (n % 10 === 0) await client.call('user-profile.getMe', {})
    }
    await ending
    await emitNumbers(testApp.app, channel, [41])
    await waitUntil('all is heard', () => heard.events.length >= 41)
    expect(heard.offsets()).toEqual(numberRange(1, 42))
    // Never without a connection.
    expect({ ways: client.transports, problems: client.problems }).toEqual({ ways: [transport], problems: [] })
  })
})
