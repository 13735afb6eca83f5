import { Writable } from 'node:stream'
import { createLog } from '../../../kernel/platform/log'
import { grantDownload } from '../../../skills/streaming/grant-download'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { deleteExpiredPlaylists } from '../../../skills/streaming/delete-expired-playlists'
import { grantLifeMs, grantReuseMs } from '../../../skills/streaming/rules'
import { Block, Track, TrackAudio } from '../../../models'
import { makeTrack } from '../../factories'
import { waitUntil } from '../../kernel/wait-until'
import { makeStreamableTrack } from '../../make-streamable-track'
import { createOwnBucket } from '../../create-own-bucket'
import { type Person } from '../../person'
import { startFaultyProxy } from '../../server/faulty-proxy'
import { testStack } from '../../stack'
import { createTestApp, type TestApp } from '../../test-app'

const { variables: v } = testStack()
let redis: Awaited<ReturnType<typeof startFaultyProxy>>
let store: Awaited<ReturnType<typeof startFaultyProxy>>
let testApp: TestApp
let ann: Person
let people: Person[]
let logged = ''
beforeAll(async () => {
  redis = await startFaultyProxy(v.REDIS_HOST ?? '', Number(v.REDIS_PORT))
  const { hostname, port } = new URL(v.S3_ENDPOINT ?? '')
  store = await startFaultyProxy(hostname, Number(port))
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString()
      done()
    },
  })
  const variables = {
    ...{ REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port), S3_ENDPOINT: `http://127.0.0.1:${store.port}` },
  }
  testApp = await createTestApp({ variables, log: createLog('trace', {}, sink) })
  ann = await testApp.signIn('ann')
  people = [await testApp.signIn('p0'), await testApp.signIn('p1'), await testApp.signIn('p2')]
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})
/** Runs `work` while a dependency is down, and waits until it is back. */
async function without(proxy: typeof redis, work: () => Promise<void>): Promise<void> {
  proxy.become('dead')
  try {
    await work()
  } finally {
    proxy.become('honest')
    const pings = testApp.nodes.map(
      node => () =>
        node.app.redis.ping().then(
          () => true,
          () => false,
        ),
    )
    await waitUntil(async () => (await Promise.all(pings.map(ping => ping()))).every(isThere => isThere))
  }
}

const streamOf = (person: Person, track: Track, more: object = {}) =>
  person.call(grantStream, { trackId: track.id, ...more })
const manifest = async (person: Person, track: Track, more: object = {}) =>
  (await streamOf(person, track, more)).hls?.url ?? ''

describe('a grant', () => {
  it('is made once for concurrent requests', async () => {
    const { track } = await makeStreamableTrack(testApp.app, ann.id)
    const [one] = people
    const all = await Promise.all(Array.from({ length: 50 }, () => manifest(one ?? ann, track)))
    expect(new Set(all).size).toBe(1)
    expect((await fetch(all[0] ?? '')).status).toBe(200)
  })

  it('is shared by the nodes and by all listeners, also anonymous ones', async () => {
    const { track } = await makeStreamableTrack(testApp.app, ann.id)
    const first = await manifest(ann, track)
    for (const person of people) expect(await manifest(person, track)).toBe(first)
    const { data } = (await (
      await fetch(`${ann.url}/api/v1/tracks/${track.id}/stream`, { method: 'POST' })
    ).json()) as { data: { hls: { url: string } } }
    expect(data.hls.url).toBe(first)
  })

  it('differs by delivery, and by position in a long track', async () => {
    const { track } = await makeStreamableTrack(testApp.app, ann.id, { track: { durationMs: 3 * 3_600_000 } })
    const minutesValid = async (positionMs?: number) => {
      const { expiresAt } = await streamOf(ann, track, positionMs === undefined ? {} : { positionMs })
      return Math.round((Date.parse(expiresAt) - testApp.clock.now()) / 60_000)
    }
    expect(await minutesValid()).toBe(190)
    expect(await minutesValid(3_600_000)).toBe(130)
    expect(await minutesValid(3 * 3_600_000)).toBe(10)
    expect(await minutesValid(24 * 3_600_000)).toBe(10)
    expect((await streamOf(ann, track, { delivery: 'cookies' })).hls?.url).not.toBe(await manifest(ann, track))
  })

  it('is valid long enough to play the track to its end, and is made again otherwise', async () => {
    const { track } = await makeStreamableTrack(testApp.app, ann.id, { track: { durationMs: 60_000 } })
    const first = await streamOf(ann, track)
    testApp.clock.advance(grantReuseMs - 5_000)
    expect((await streamOf(ann, track)).url).toBe(first.url)
    testApp.clock.advance(10_000)
    const [a, b] = [await streamOf(ann, track), await streamOf(people[0] ?? ann, track)]
    for (const { url, expiresAt } of [a, b]) {
      expect(url).not.toBe(first.url)
      expect(Date.parse(expiresAt) - testApp.clock.now()).toBeGreaterThan(grantLifeMs(60_000) - grantReuseMs)
    }
  })

  it('is for the current audio', async () => {
    const { track, audio } = await makeStreamableTrack(testApp.app, ann.id)
    const before = await streamOf(ann, track)
    const other = await makeStreamableTrack(testApp.app, ann.id)
    const { uploadId, renditions, manifestKey } = other.audio
    await TrackAudio.update({ uploadId, renditions, manifestKey }, { where: { trackId: audio.trackId } })
    await Track.update({ audioKey: other.track.audioKey }, { where: { id: track.id } })
    const after = await streamOf(ann, track)
    expect(new URL(before.url).pathname).toContain(track.id)
    expect(new URL(after.url).pathname).toBe(`/${other.folder}aac-160.mp4`)
  })
})

describe('access to a track', () => {
  it('is checked before a shared grant is used', async () => {
    const [bob = ann] = people
    const { track } = await makeStreamableTrack(testApp.app, ann.id)
    await manifest(bob, track)
    const problemForBob = () => bob.expectProblem(grantStream, { trackId: track.id })
    await Track.update({ visibility: 'private' }, { where: { id: track.id } })
    expect(await problemForBob()).toMatchObject({ code: 'not_found', status: 404 })
    await manifest(ann, track)
    await Track.update({ visibility: 'public' }, { where: { id: track.id } })
    await manifest(bob, track)
    await Block.create({ blockerId: ann.id, blockedId: bob.id, createdAt: new Date() })
    expect(await problemForBob()).toMatchObject({ code: 'not_found' })
    await Track.update({ deletedAt: new Date() }, { where: { id: track.id } })
    for (const person of [ann, bob])
      expect(await person.expectProblem(grantStream, { trackId: track.id })).toMatchObject({ code: 'not_found' })
  })

  it('answers not_ready while there is no audio', async () => {
    const { id: trackId } = await makeTrack(ann.id, { state: 'processing', audioKey: null })
    expect(await ann.expectProblem(grantStream, { trackId })).toMatchObject({ code: 'track_not_ready', status: 409 })
  })

  it.each([
    [{ delivery: 'post' }, 'delivery', 'not_allowed'],
    [{ quality: 'flac' }, 'quality', 'not_allowed'],
    [{ positionMs: -1 }, 'positionMs', 'too_small'],
    [{ positionMs: 1.5 }, 'positionMs', 'not_an_integer'],
  ])('rejects the input %j', async (more, path, code) => {
    const { errors } = await ann.expectProblem(grantStream, { trackId: ann.id, ...more })
    expect(errors).toEqual([expect.objectContaining({ path, code })])
  })
})

describe('while a dependency is down', () => {
  it('Redis: each grant is signed separately', async () => {
    const { track } = await makeStreamableTrack(testApp.app, ann.id)
    const before = await manifest(ann, track)
    await without(redis, async () => {
      const [first, second] = [await manifest(ann, track), await manifest(ann, track)]
      expect(new Set([before, first, second]).size).toBe(3)
      for (const url of [first, second]) expect((await fetch(url)).status).toBe(200)
    })
  })

  it('the store: cached grants are still answered, others are unavailable, and all work afterwards', async () => {
    const { track } = await makeStreamableTrack(testApp.app, ann.id)
    const { track: fresh } = await makeStreamableTrack(testApp.app, ann.id)
    const grantedBefore = await manifest(ann, track)
    await without(store, async () => {
      expect(await manifest(ann, track)).toBe(grantedBefore)
      expect(await ann.expectProblem(grantStream, { trackId: fresh.id })).toMatchObject({
        ...{ code: 'unavailable', status: 503, retryAfter: 5 },
      })
      await streamOf(ann, fresh, { delivery: 'cookies' })
      const { id: older } = await makeTrack(ann.id)
      await ann.call(grantStream, { trackId: older })
      await ann.call(grantDownload, { trackId: older })
    })
    expect(await manifest(ann, fresh)).toContain('/grants/')
  })

  it('a missing playlist: the answer is unavailable, not a server error', async () => {
    const { track, audio } = await makeStreamableTrack(testApp.app, ann.id)
    await testApp.app.storage.delete(audio.renditions[0]?.playlistKey ?? '')
    expect(await ann.expectProblem(grantStream, { trackId: track.id })).toMatchObject({
      code: 'unavailable',
      status: 503,
    })
    expect((await streamOf(ann, track, { delivery: 'cookies' })).delivery).toBe('cookies')
  })
})

it('no signature appears in the log', async () => {
  const { track } = await makeStreamableTrack(testApp.app, ann.id, { track: { isDownloadable: true } })
  const { url } = await streamOf(ann, track)
  await streamOf(ann, track, { delivery: 'cookies' })
  await ann.call(grantDownload, { trackId: track.id })
  const signature = new URL(url).searchParams.get('Signature') ?? ''
  expect(signature.length).toBeGreaterThan(100)
  expect(logged).toContain(`/api/v1/tracks/${track.id}/stream`)
  expect(logged).toContain('dependency unavailable')
  expect(logged).not.toContain(signature)
  expect(logged).not.toMatch(/Signature=|X-Amz-Signature|Policy=|CloudFront-|grants\//)
})

// Last, because all tokens have expired after it.
it('playlists are deleted when all grants of their hour have expired, and no sooner', async () => {
  await using own = await createTestApp({ nodes: 1, variables: await createOwnBucket() })
  const bea = await own.signIn('bea')
  const { track } = await makeStreamableTrack(own.app, bea.id)
  const url = await manifest(bea, track)
  const key = new URL(url).pathname.slice(1)
  const { storage } = own.app
  const runCleanup = () =>
    deleteExpiredPlaylists.run({}, { app: own.app, signal: new AbortController().signal } as never)
  await storage.put('grants/2020-01-01T00/some/master.m3u8', Buffer.from('#EXTM3U'), 'application/vnd.apple.mpegurl')
  await runCleanup()
  expect(await storage.head('grants/2020-01-01T00/some/master.m3u8')).toBeUndefined()
  expect(await storage.head(key)).toBeDefined()
  own.clock.advance(3 * 3_600_000)
  await runCleanup()
  expect(await storage.head(key)).toBeUndefined()
  expect(await storage.listPrefixes('grants/')).toEqual([])
})
