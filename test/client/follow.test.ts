import { type ChannelKinds } from '../../client'
import { emitNumbers, numberRange } from '../emit-numbers'
import { makeTrack } from '../factories'
import { type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { createListener, openClient, problemOf, type TestClient, waitUntil } from './open-client'
import { startTcpProxy } from './tcp-proxy'

let testApp: TestApp
let ann: Person
let fan: TestClient
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', { node: 0 })
  const bob = await testApp.signIn('bob', { node: 1 })
  fan = openClient({ url: bob.url, token: bob.token })
})
afterAll(async () => {
  await fan.close()
  await testApp[Symbol.asyncDispose]()
})

let comments = 0
async function comment(trackId: string): Promise<string> {
  comments += 1
  const body = `hello ${comments}`
  await fan.call('interactions.addComment', { trackId, body, positionMs: 1 })
  return body
}
const trackOfAnn = async () => (await makeTrack(ann.id)).id

describe.each(['socket', 'sse', 'long-poll'] as const)('following a channel over %s', transport => {
  const open = () => openClient({ url: ann.url, token: ann.token, transports: [transport] })

  it('notifies every listener of typed events from another node, until it unfollows', async () => {
    using client = open()
    const trackId = await trackOfAnn()
    const [first, second] = [createListener(), createListener()]
    const following = await client.follow(`track:${trackId}`, first.record)
    await client.follow(`track:${trackId}`, { onEvent: second.record })
    expect(client.transport()).toBe(transport)
    const body = await comment(trackId)
    await waitUntil('both have received it', () => first.events.length === 1 && second.events.length === 1)
    const [event] = first.events
    expect(event?.name === 'interactions.commentAdded' && event.data.comment.body).toBe(body)
    expect(following.position?.offset).toBe(event?.offset)

    await following.unfollow()
    await comment(trackId)
    await waitUntil('the remaining listener has received it', () => second.events.length === 2)
    expect(first.events).toHaveLength(1)
    expect(second.offsets()).toEqual([1, 2])
  })

  it('ends on the server with the last listener, and can start again', async () => {
    using client = open()
    const trackId = await trackOfAnn()
    const [stopped, remaining] = [createListener(), createListener()]
    const following = await client.follow(`track:${trackId}`, stopped.record)
    await following.unfollow()
    await following.unfollow()
    await comment(trackId)
    await client.follow(`track:${trackId}`, remaining.record)
    await comment(trackId)
    // The node may not have received the first event yet when it reads the position.
    await waitUntil('the event is received', () => remaining.events.at(-1)?.offset === 2)
    expect(stopped.events).toEqual([])
  })

  it('delivers to a listener although another one throws or rejects', async () => {
    using client = open()
    const trackId = await trackOfAnn()
    const listener = createListener()
    const bug = new Error('a bug of the listener')
    const channel = `track:${trackId}`
    await client.follow(channel, () => {
      throw bug
    })
    await client.follow(channel, () => Promise.reject(bug))
    await client.follow(channel, listener.record)
    await comment(trackId)
    await waitUntil('the event is received', () => listener.events.length === 1 && client.problems.length === 2)
    const failed = { code: 'listener_failed', channel }
    expect(client.problems).toEqual([failed, failed])
  })

  it('is refused without access, and not retried', async () => {
    using client = open()
    const channel = `track:${ann.id}`
    expect(await problemOf(client.follow(channel, () => undefined))).toMatchObject({ code: 'not_found', status: 404 })
    expect(await problemOf(client.follow(channel, () => undefined))).toMatchObject({ code: 'not_found' })
  })

  it('starts after a given position, and repeats nothing to other listeners', async () => {
    using client = open()
    const channel = `track:${await trackOfAnn()}`
    await emitNumbers(testApp.app, channel, numberRange(1, 8))
    const { epoch } = await testApp.app.channelLog.position(channel)
    const [now, all, some] = [createListener(), createListener(), createListener()]
    await client.follow(channel, now.record)
    await Promise.all([
      client.follow(channel, all.record, { after: { epoch, offset: 0 } }),
      client.follow(channel, some.record, { after: { epoch, offset: 5 } }),
      emitNumbers(testApp.app, channel, numberRange(8, 11)),
    ])
    await waitUntil('all events are received', () =>
      [now, all, some].every(({ events }) => events.at(-1)?.offset === 10),
    )
    expect({ now: now.offsets(), all: all.offsets(), some: some.offsets() }).toEqual({
      now: numberRange(8, 11),
      all: numberRange(1, 11),
      some: numberRange(6, 11),
    })
  })

  it('starts with a snapshot on request and continues after it; other listeners see no gap', async () => {
    using client = open()
    const trackId = await trackOfAnn()
    const channel = `track:${trackId}` as const
    await emitNumbers(testApp.app, channel, [1, 2])
    const titles: string[] = []
    const listener = createListener()
    let gaps = 0
    const follower = {
      snapshot: true,
      onEvent: listener.record,
      onSnapshot: (track: ChannelKinds['track']['snapshot']) => void titles.push(track.title),
      onGap: () => (gaps += 1),
    }
    await client.follow(channel, follower)
    await client.follow(channel, follower)
    await emitNumbers(testApp.app, channel, [3])
    await waitUntil('the event is received', () => listener.events.length === 2)
    const { title } = await client.call('tracks.getTrack', { trackId })
    expect({ titles, offsets: listener.offsets(), gaps }).toEqual({ titles: [title, title], offsets: [3, 3], gaps: 0 })
  })

  it('takes a snapshot if its position is no longer valid, or reports a gap', async () => {
    using client = open()
    const channel = `track:${await trackOfAnn()}` as const
    await emitNumbers(testApp.app, channel, [1])
    const states: string[] = []
    const after = { epoch: 'other', offset: 7 }
    const onEvent = ({ offset }: { offset: number }) => void states.push(`event ${offset}`)
    await client.follow(channel, onEvent, { after, onSnapshot: ({ id }) => void states.push(`snapshot of ${id}`) })
    await emitNumbers(testApp.app, channel, [2])
    await waitUntil('the event is received', () => states.length === 2)
    await client.follow(channel, () => undefined, { after, onGap: () => states.push('gap') })
    expect(states).toEqual([`snapshot of ${channel.slice(6)}`, 'event 2', 'gap'])
  })

  it('reports a channel that the viewer may no longer follow', async () => {
    const carl = await testApp.signIn(`carl-${transport}`)
    using client = openClient({ url: carl.url, token: carl.token, transports: [transport] })
    const id = await trackOfAnn()
    const channel = `track:${id}`
    const closed: string[] = []
    await client.follow(channel, { onClosed: ({ code }) => closed.push(code) })
    await hide(id)
    await waitUntil('it is reported', () => closed.length === 1)
    expect(closed).toEqual(['not_found'])
    expect(client.problems).toEqual([{ code: 'not_found', channel }])
    expect(await problemOf(client.follow(channel, () => undefined))).toMatchObject({ code: 'not_found' })
  })

  it('notifies of counts, newest first, and again for a new listener', async () => {
    using client = open()
    const trackId = await trackOfAnn()
    const channel = `track:${trackId}` as const
    const likes: (number | undefined)[] = []
    const onState = ({ counts }: ChannelKinds['track']['state']) => void likes.push(counts?.likes)
    await client.follow(channel, { onState })
    await fan.call('interactions.likeTrack', { trackId })
    await testApp.applyCounters()
    // Long-polls report a change with the next event or response.
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('it is reported', () => likes.at(-1) === 1)
    expect(likes).toEqual([...new Set(likes)])
    const later: (number | undefined)[] = []
    await client.follow(channel, { onState: ({ counts }) => void later.push(counts?.likes) })
    expect(later).toEqual([1])
  })

  it('can be aborted while it waits, and stopped by a signal', async () => {
    using client = openClient({ url: 'http://127.0.0.1:9', token: ann.token, transports: [transport] })
    const aborting = new AbortController()
    const waiting = client.follow(`user:${ann.id}`, () => undefined, { signal: aborting.signal })
    aborting.abort()
    await expect(waiting).rejects.toThrow('aborted')
    await expect(client.follow(`user:${ann.id}`, () => undefined, { signal: aborting.signal })).rejects.toThrow(
      'aborted',
    )

    using other = open()
    const [stopped, remaining] = [new AbortController(), createListener()]
    const listener = createListener()
    const channel = `track:${await trackOfAnn()}`
    await other.follow(channel, listener.record, { signal: stopped.signal })
    await other.follow(channel, remaining.record)
    stopped.abort()
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('the other listener has received it', () => remaining.events.length === 1)
    expect(listener.events).toEqual([])
  })
})

async function hide(trackId: string): Promise<void> {
  using client = openClient({ url: ann.url, token: ann.token, transports: ['long-poll'] })
  await client.call('tracks.updateTrack', { trackId, visibility: 'private' })
}

describe('a lost connection', () => {
  it('is reopened with a new token, without missing or repeating events', async () => {
    await using wire = await startTcpProxy(ann.url)
    let tokenCalls = 0
    const token = async () => {
      tokenCalls += 1
      return ann.token
    }
    using client = openClient({ url: wire.url, token, transports: ['socket'] })
    const channel = `track:${await trackOfAnn()}`
    const listener = createListener()
    let gaps = 0
    await client.follow(channel, listener.record, { onGap: () => (gaps += 1) })
    expect({ tokenCalls, transports: client.transports }).toEqual({ tokenCalls: 1, transports: ['socket'] })
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('the event is received', () => listener.events.length === 1)
    wire.refuseConnections(true)
    wire.cut()
    await waitUntil('the disconnect is noticed', () => client.transport() === undefined)
    await emitNumbers(testApp.app, channel, numberRange(2, 6))
    wire.refuseConnections(false)
    await waitUntil('it is followed again', () => listener.events.length === 5)
    await emitNumbers(testApp.app, channel, [6])
    await waitUntil('live events arrive again', () => listener.events.length === 6)
    expect({ listener: listener.numbers(), gaps }).toEqual({ listener: numberRange(1, 7), gaps: 0 })
    expect(tokenCalls).toBeGreaterThan(1)
  })

  it('reports the channel that the viewer may no longer follow', async () => {
    await using wire = await startTcpProxy(ann.url)
    const carl = await testApp.signIn('carl')
    using client = openClient({ url: wire.url, token: carl.token })
    const id = await trackOfAnn()
    await client.follow(`track:${id}`, () => undefined)
    wire.refuseConnections(true)
    wire.cut()
    await hide(id)
    wire.refuseConnections(false)
    await waitUntil('it is reported', () => client.problems.some(({ channel }) => channel !== undefined))
    expect(client.problems).toContainEqual({ code: 'not_found', channel: `track:${id}` })
  })

  it('is not reopened after the client is closed', async () => {
    await using wire = await startTcpProxy(ann.url)
    const client = openClient({ url: wire.url, token: ann.token })
    const closed: string[] = []
    const following = await client.follow(`user:${ann.id}`, { onClosed: ({ code }) => closed.push(code) })
    wire.refuseConnections(true)
    wire.cut()
    await client.close()
    await following.unfollow()
    expect({ problems: client.problems, closed }).toEqual({ problems: [], closed: ['client_closed'] })
  })
})

describe('the token', () => {
  it('ends the client for good if no other token is available', async () => {
    using client = openClient({ url: ann.url, token: 'nonsense' })
    const problem = await problemOf(client.follow(`user:${ann.id}`, () => undefined))
    expect(problem).toMatchObject({ code: 'token_invalid', status: 401 })
    expect(client.problems).toEqual([{ code: 'token_invalid', channel: undefined }])
    expect(await problemOf(client.follow(`user:${ann.id}`, () => undefined))).toMatchObject({ code: 'token_invalid' })
  })

  it('is requested again until a valid one is returned', async () => {
    const answers: (() => Promise<string>)[] = [
      () => Promise.reject(new Error('not yet')),
      () => Promise.resolve('nonsense'),
    ]
    const token = () => answers.shift()?.() ?? ann.token
    using client = openClient({ url: ann.url, token })
    await client.follow(`user:${ann.id}`, () => undefined)
    expect(client.problems.map(({ code }) => code)).toEqual(['token_unavailable', 'token_invalid'])
  })

  it('is requested again when the server closes the session of an expired one', async () => {
    const dora = await testApp.signIn('dora')
    const short = await testApp.issuer.issueToken('dora', { ttlSeconds: 300 })
    const answers = [short]
    const token = () => answers.shift() ?? testApp.issuer.issueToken('dora')
    using client = openClient({ url: dora.url, token })
    await client.follow(`user:${dora.id}`, () => undefined)
    // Advance past the warning, so that the client could not refresh it.
    testApp.clock.advance(310_000)
    await waitUntil('it is closed and connected again', () => client.transports.length === 3)
    expect(client.transports).toEqual(['socket', undefined, 'socket'])
    expect(client.problems.map(({ code }) => code)).toEqual(['token_expired'])
  })
})
