import { randomUUID } from 'node:crypto'
import { Block, Waveform } from '../../../models'
import { getWaveform } from '../../../skills/tracks/get-waveform'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { expiryInWholeSeconds, grantLifeMs } from '../../../skills/streaming/rules'
import { makeTrackLinkHolder, makeTrack } from '../../factories'
import { requestOverRest, transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

const audio = Buffer.from(Array.from({ length: 5_000 }, (_, index) => index % 251))
const minuteMs = 60_000

let testApp: TestApp
let ann: Person
let bob: Person
let moderator: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
  moderator = await testApp.signIn('mod', { roles: ['moderator'] })
  await testApp.app.storage.put('audio/grant-stream-test.mp3', audio, 'audio/mpeg')
})
afterAll(() => testApp[Symbol.asyncDispose]())

const stored = { audioKey: 'audio/grant-stream-test.mp3' }

describe.each(transports)('a stream granted over %s', transport => {
  it('can be fetched in ranges until it expires, and not at a modified URL', async () => {
    const { id: trackId } = await makeTrack(ann.id, stored)
    const { url, expiresAt, ...stream } = await bob.call(grantStream, { trackId }, { transport })
    expect(stream).toEqual({
      ...{ contentType: 'audio/mpeg', durationMs: 180_000, delivery: 'url', hls: null, previewUrl: null },
      progressive: { url, contentType: 'audio/mpeg', rendition: null },
      ...{ renditions: [], loudnessLufs: null, truePeakDbtp: null, cookies: [] },
    })
    const lifeMs = Date.parse(expiresAt) - testApp.clock.now()
    expect(lifeMs).toBeGreaterThan(12 * minuteMs)
    expect(lifeMs).toBeLessThanOrEqual(13 * minuteMs)
    expect(new URL(url).searchParams.get('Expires')).toBe(String(Date.parse(expiresAt) / 1000))

    const part = await fetch(url, { headers: { range: 'bytes=1000-1999' } })
    expect(part.status).toBe(206)
    expect(part.headers.get('content-range')).toBe('bytes 1000-1999/5000')
    expect(Buffer.from(await part.arrayBuffer())).toEqual(audio.subarray(1_000, 2_000))
    expect((await fetch(url, { headers: { range: 'bytes=9000-' } })).status).toBe(416)

    const tampered = [
      url.replace('grant-stream-test', 'another'),
      url.replace(/Expires=\d+/, 'Expires=99999999999'),
      url.replace(/Signature=.{6}/, 'Signature=AAAAAA'),
      url.replace(/Key-Pair-Id=\w+/, 'Key-Pair-Id=KOTHER'),
      url.split('?')[0] ?? '',
    ]
    for (const tamperedUrl of tampered) expect((await fetch(tamperedUrl)).status).toBe(403)
  })

  it('is allowed to those who may see the track', async () => {
    const eve = await testApp.signIn(`eve-${transport}`)
    const blocker = await testApp.signIn('blocker')
    await Block.create({ blockerId: blocker.id, blockedId: eve.id, createdAt: new Date() })
    const tracks = {
      unlisted: await makeTrack(ann.id, { ...stored, visibility: 'unlisted' }),
      private: await makeTrack(ann.id, { ...stored, visibility: 'private' }),
      removed: await makeTrack(ann.id, { ...stored, deletedAt: new Date() }),
      ofBlocker: await makeTrack(blocker.id, stored),
      processing: await makeTrack(ann.id, { state: 'processing', audioKey: null }),
    }
    const guest = await testApp.signIn(`guest-${transport}`)
    await makeTrackLinkHolder(tracks.unlisted.id, guest.id)
    const grantsFor = async (person: Person) => {
      const answers: Record<string, string> = {}
      for (const [name, { id: trackId }] of Object.entries(tracks)) {
        const { error } = await person.request(grantStream, { trackId }, { transport })
        answers[name] = error?.code ?? 'granted'
      }
      return answers
    }
    const [granted, hidden] = ['granted', 'not_found']
    const deleted = { removed: hidden }
    expect(await grantsFor(ann)).toEqual({
      ...deleted,
      ...{ unlisted: granted, private: granted, ofBlocker: granted, processing: 'track_not_ready' },
    })
    expect(await grantsFor(eve)).toEqual({
      ...deleted,
      ...{ unlisted: hidden, private: hidden, ofBlocker: hidden, processing: hidden },
    })
    expect(await grantsFor(guest)).toEqual({
      ...deleted,
      ...{ unlisted: granted, private: hidden, ofBlocker: granted, processing: hidden },
    })
    expect(await grantsFor(moderator)).toEqual({
      ...deleted,
      ...{ unlisted: granted, private: granted, ofBlocker: granted, processing: 'track_not_ready' },
    })
  })

  it('has a waveform with the same access', async () => {
    const { id: trackId } = await makeTrack(ann.id, { visibility: 'private' })
    expect(await ann.expectProblem(getWaveform, { trackId }, { transport })).toMatchObject({
      code: 'track_not_ready',
      status: 409,
    })
    const version = randomUUID()
    await Waveform.create({ trackId, uploadId: version, peaks: Buffer.from([0, 7, 255]) })
    expect(await ann.call(getWaveform, { trackId }, { transport })).toEqual({
      trackId,
      version,
      peaks: [0, 7, 255],
    })
    expect(await bob.expectProblem(getWaveform, { trackId }, { transport })).toMatchObject({ code: 'not_found' })
  })
})

it('is granted without signing in, and the answer is not cacheable', async () => {
  const { id: trackId } = await makeTrack(ann.id, stored)
  const reply = await requestOverRest(testApp.nodes[0]?.url ?? '', grantStream, { trackId }, {})
  expect(reply.data).toMatchObject({ contentType: 'audio/mpeg' })
  expect(reply.headers?.get('cache-control')).toContain('no-store')
})

it.each([
  [1, 10],
  [3, 13],
  [60, 70],
  [24 * 60, 6 * 60],
])('of a track of %i minutes is valid for %i minutes', (durationMin, lifeMin) => {
  const now = new Date(1_800_000_000_000)
  const lifeMs = expiryInWholeSeconds(now, grantLifeMs(durationMin * minuteMs)).getTime() - now.getTime()
  expect(Math.abs(lifeMs - lifeMin * minuteMs)).toBeLessThanOrEqual(minuteMs)
})

it('is presigned by the store when no distribution is configured', async () => {
  const none = { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' }
  await using bare = await createTestApp({ nodes: 1, variables: none })
  const person = await bare.signIn('ann')
  const { id: trackId } = await makeTrack(person.id, stored)
  const { url } = await person.call(grantStream, { trackId })
  const part = await fetch(url, { headers: { range: 'bytes=10-19' } })
  expect(part.status).toBe(206)
  expect(part.headers.get('content-type')).toBe('audio/mpeg')
  expect(Buffer.from(await part.arrayBuffer())).toEqual(audio.subarray(10, 20))
  expect((await fetch(url.replace(/X-Amz-Signature=.{6}/, 'X-Amz-Signature=000000'))).status).toBe(403)
})
