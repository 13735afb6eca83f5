import { makeTrack } from '../factories'
import { type Person } from '../person'
import { createTestApp, type TestNode, type TestApp } from '../test-app'
import { openClient, problemOf, type TestClient, waitUntil } from './open-client'
import { startTcpProxy } from './tcp-proxy'

let testApp: TestApp
let ann: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', { node: 0 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** The transports over which the node has answered calls of an operation with success. */
async function transportsUsed(node: TestNode | undefined, operation: string): Promise<unknown[]> {
  const { values } = (await node?.app.metrics.operationDuration.get()) ?? { values: [] }
  const found = values.filter(
    ({ labels, metricName }) => labels.operation === operation && metricName?.endsWith('_count'),
  )
  return found.map(({ labels }) => labels.transport)
}

/** The client opens its socket in the background. */
async function connected(client: TestClient): Promise<void> {
  await (await client.follow(`user:${ann.id}`, () => undefined)).unfollow()
}

describe.each(['socket', 'rest'] as const)('calls over %s', transport => {
  const transports = transport === 'socket' ? (['socket'] as const) : (['long-poll'] as const)

  it('are typed and return the data', async () => {
    using client = openClient({ url: ann.url, token: ann.token, transports })
    const track = await makeTrack(ann.id)
    if (transport === 'socket') await connected(client)
    const me = await client.call('user-profile.getMe', {})
    expect(me.id).toBe(ann.id)
    const { liked, counts } = await client.call('interactions.likeTrack', { trackId: track.id })
    expect({ liked, likes: counts.likes }).toEqual({ liked: true, likes: 1 })
    expect(await transportsUsed(testApp.nodes[0], 'interactions.likeTrack')).toContain(transport)
  })

  it('send the secret of a track, but not in the URL', async () => {
    const bob = await testApp.signIn(`bob-${transport}`, { node: 0 })
    const { id: trackId } = await makeTrack(ann.id, { visibility: 'unlisted' })
    using artist = openClient({ url: ann.url, token: ann.token, transports })
    using client = openClient({ url: bob.url, token: bob.token, transports })
    const { secret } = await artist.call('tracks.getSecretLink', { trackId })
    expect(await client.call('tracks.getTrack', { trackId, secret })).toMatchObject({ id: trackId })
    expect(await problemOf(client.call('tracks.getTrack', { trackId }))).toMatchObject({ code: 'not_found' })
  })

  it("reject with every field of the server's problem", async () => {
    using client = openClient({ url: ann.url, token: ann.token, transports })
    const invalid = await problemOf(client.call('tracks.getTrack', { trackId: 'no id' }))
    expect(invalid).toMatchObject({ name: 'TuttiProblem', code: 'invalid_input', status: 400, isTemporary: false })
    expect(invalid.errors).toEqual([expect.objectContaining({ path: 'trackId', code: 'invalid_uuid' })])
    expect(invalid.requestId).not.toBe('')
    const missing = await problemOf(client.call('tracks.getTrack', { trackId: ann.id }))
    expect(missing).toMatchObject({ code: 'not_found', status: 404 })
  })

  it('report `retryAfter`, and that the problem is temporary', async () => {
    const limited = await testApp.signIn(`tired-${transport}`)
    using client = openClient({ url: limited.url, token: limited.token, transports })
    await testApp.app.rateLimiter.consume('tracks.getTrack', limited.id, 1_000_000, 1_000_000)
    const problem = await problemOf(client.call('tracks.getTrack', { trackId: ann.id }))
    expect(problem).toMatchObject({ code: 'too_many_requests', status: 429, isTemporary: true })
    expect(problem.retryAfter).toBeGreaterThan(0)
  })

  it('report the current state if the revision is stale', async () => {
    using client = openClient({ url: ann.url, token: ann.token, transports })
    const { rev } = await client.call('user-profile.updateMe', { bio: transport })
    const problem = await problemOf(client.call('user-profile.updateMe', { bio: 'late', rev: rev + 7 }))
    expect(problem).toMatchObject({ code: 'stale_revision', status: 409, current: { bio: transport } })
  })

  it('read a list by page, or all pages', async () => {
    using client = openClient({ url: ann.url, token: ann.token, transports })
    const track = await makeTrack(ann.id)
    const fans = await Promise.all([1, 2, 3, 4, 5].map(number => testApp.signIn(`${transport}-fan${number}`)))
    for (const fan of fans) {
      using fanClient = openClient({ url: fan.url, token: fan.token, transports: ['long-poll'] })
      await fanClient.call('interactions.likeTrack', { trackId: track.id })
    }
    const input = { trackId: track.id, limit: 2 }
    const { data, nextCursor } = await client.callPage('interactions.listLikers', input)
    expect(data).toHaveLength(2)
    const sizes: number[] = []
    const ids: string[] = []
    for await (const rows of client.pages('interactions.listLikers', input)) {
      sizes.push(rows.length)
      ids.push(...rows.map(({ id }) => id))
    }
    expect(sizes).toEqual([2, 2, 1])
    expect(ids.sort()).toEqual(fans.map(({ id }) => id).sort())
    const remaining = await client.callPage('interactions.listLikers', {
      ...input,
      limit: 50,
      cursor: nextCursor ?? '',
    })
    expect(remaining).toMatchObject({ data: { length: 3 }, nextCursor: null })
  })
})

describe('a call whose response is lost', () => {
  it('is retried over the other transport with the same key, and executed once', async () => {
    await using wire = await startTcpProxy(ann.url)
    using client = openClient({ url: wire.url, token: ann.token })
    const track = await makeTrack(ann.id)
    await connected(client)
    wire.cutAtNextResponse()
    const comment = await client.call('interactions.addComment', { trackId: track.id, body: 'once', positionMs: 1 })
    const { data } = await client.callPage('interactions.listComments', { trackId: track.id })
    expect(data.map(({ id }) => id)).toEqual([comment.id])
    expect(await transportsUsed(testApp.nodes[0], 'interactions.addComment')).toEqual(['socket', 'rest'])
  })

  it('is retried over the only transport, and executed once', async () => {
    await using wire = await startTcpProxy(ann.url)
    using client = openClient({ url: wire.url, token: ann.token, transports: ['long-poll'] })
    const track = await makeTrack(ann.id)
    for (const body of ['one', 'two']) {
      wire.cutAtNextResponse()
      await client.call('interactions.addComment', { trackId: track.id, body, positionMs: 1 })
    }
    const { data } = await client.callPage('interactions.listComments', { trackId: track.id })
    expect(data.map(({ body }) => body).sort()).toEqual(['one', 'two'])
  })

  it("is executed once with the caller's own key, over two clients and transports", async () => {
    using live = openClient({ url: ann.url, token: ann.token })
    using remaining = openClient({ url: testApp.nodes[1]?.url ?? '', token: ann.token, transports: ['long-poll'] })
    const track = await makeTrack(ann.id)
    await connected(live)
    const comment = { trackId: track.id, body: 'hello', positionMs: 5 }
    const first = await live.call('interactions.addComment', comment, { idempotencyKey: 'mine' })
    expect(await remaining.call('interactions.addComment', comment, { idempotencyKey: 'mine' })).toEqual(first)
    const other = remaining.call('interactions.addComment', { ...comment, body: 'other' }, { idempotencyKey: 'mine' })
    expect(await problemOf(other)).toMatchObject({ code: 'idempotency_key_reused', status: 422 })
  })
})

describe('a client', () => {
  it('reports an unreachable server, and works as soon as it is reachable', async () => {
    await using wire = await startTcpProxy(ann.url)
    wire.refuseConnections(true)
    using client = openClient({ url: wire.url, token: ann.token })
    expect(await problemOf(client.call('user-profile.getMe', {}))).toMatchObject({ code: 'unreachable', status: 0 })
    await waitUntil('a connect error is reported', () => client.problems.length > 0)
    expect(client.problems[0]).toEqual({ code: 'unreachable', channel: undefined })
    wire.refuseConnections(false)
    expect(await client.call('user-profile.getMe', {})).toMatchObject({ id: ann.id })
    await connected(client)
  })

  it("rejects a response that is not the API's", async () => {
    using client = openClient({ url: testApp.issuer.issuer, token: ann.token, transports: ['long-poll'] })
    expect(await problemOf(client.call('user-profile.getMe', {}))).toMatchObject({ code: 'unreachable' })
  })

  it('reports `token_unavailable` if the token function fails', async () => {
    const token = () => Promise.reject(new Error('signed out'))
    using client = openClient({ url: ann.url, token, transports: ['long-poll'] })
    const problem = await problemOf(client.call('user-profile.getMe', {}))
    expect(problem).toMatchObject({ code: 'token_unavailable', status: 0, cause: new Error('signed out') })
  })

  it('rejects every call after it is closed', async () => {
    const client = openClient({ url: ann.url, token: ann.token })
    await client.close()
    expect(await problemOf(client.call('user-profile.getMe', {}))).toMatchObject({ code: 'client_closed' })
    expect(await problemOf(client.follow(`user:${ann.id}`, () => undefined))).toMatchObject({ code: 'client_closed' })
  })

  it('does not compile with an unknown operation, input or list', () => {
    const wrong = (client: TestClient) => [
      // @ts-expect-error -- no such operation
      client.call('interactions.adoreTrack', {}),
      // @ts-expect-error -- a field is missing
      client.call('interactions.likeTrack', {}),
      // @ts-expect-error -- a field is of the wrong type
      client.call('interactions.likeTrack', { trackId: 7 }),
      // @ts-expect-error -- a field that it does not have
      client.call('interactions.likeTrack', { trackId: '', loudly: true }),
      // @ts-expect-error -- not a list
      client.callPage('tracks.getTrack', { trackId: '' }),
      // @ts-expect-error -- the answer is of another type
      client.call('tracks.getTrack', { trackId: '' }) satisfies Promise<string>,
    ]
    expect(wrong).toBeDefined()
  })
})
