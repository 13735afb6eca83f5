import { startEdge, type Edge } from '../../../dev/edge'
import { generateSigningKeys } from '../../../dev/edge/signing-keys'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { type Cookie } from '../../../kernel/pipeline/cookie'
import { makeTrack } from '../../factories'
import { makeStreamableTrack } from '../../make-streamable-track'
import { requestOverRest, transports, type Person } from '../../person'
import { testStack } from '../../stack'
import { createTestApp, type TestApp } from '../../test-app'
import { playlistUrls, probeCodecs, decodeDuration } from './media-player'

const seconds = 9
const noDistribution = { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' }
const page = 'https://tutti.example'
const keys = generateSigningKeys()

let testApp: TestApp
let edge: Edge
let ann: Person
let bob: Person
let now = () => Date.now()
beforeAll(async () => {
  const { variables: v } = testStack()
  edge = await startEdge({
    publicKeys: { KHLS: keys.publicKey },
    origin: {
      ...{ endpoint: v.S3_ENDPOINT ?? '', region: v.AWS_REGION ?? '', bucket: v.S3_BUCKET_NAME ?? '' },
      ...{ accessKeyId: v.AWS_ACCESS_KEY_ID ?? '', secretAccessKey: v.AWS_SECRET_ACCESS_KEY ?? '' },
    },
    allowedOrigins: [page],
    now: () => now(),
  })
  const distribution = {
    ...{ CLOUDFRONT_DOMAIN: edge.url, CLOUDFRONT_KEY_PAIR_ID: 'KHLS', CLOUDFRONT_PRIVATE_KEY: keys.privateKey },
    CLOUDFRONT_COOKIE_DOMAIN: '.tutti.example',
  }
  testApp = await createTestApp({ variables: distribution })
  now = () => testApp.clock.now()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await edge[Symbol.asyncDispose]()
})

const tools = () => testApp.app.config.tools
const statusOf = async (url: string, init: RequestInit = {}) => (await fetch(url, init)).status
const cookieHeaderOf = (cookies: readonly Cookie[]) => cookies.map(({ name, value }) => `${name}=${value}`).join('; ')

describe.each(transports)('a stream with renditions, granted over %s', transport => {
  it('answers with everything a player needs', async () => {
    const { track, audio, folder } = await makeStreamableTrack(testApp.app, ann.id, { seconds })
    const grant = await bob.call(grantStream, { trackId: track.id }, { transport })
    expect(grant).toMatchObject({
      ...{ contentType: 'audio/mp4', durationMs: seconds * 1_000, delivery: 'url', cookies: [] },
      ...{ loudnessLufs: -14.5, truePeakDbtp: -1.25 },
      hls: { contentType: 'application/vnd.apple.mpegurl' },
      progressive: { url: grant.url, contentType: 'audio/mp4', rendition: 'aac-160' },
      renditions: audio.renditions.map(({ name, codecs, bandwidth, averageBandwidth }) => ({
        ...{ name, codecs, bandwidth, averageBandwidth },
      })),
    })
    expect(new URL(grant.url).pathname).toBe(`/${folder}aac-160.mp4`)
    const low = await bob.call(grantStream, { trackId: track.id, quality: 'aac-96' }, { transport })
    expect(new URL(low.url).pathname).toBe(`/${folder}aac-96.mp4`)
    const none = await bob.call(grantStream, { trackId: track.id, quality: 'opus-128' }, { transport })
    expect(none.progressive.rendition).toBe('aac-160')
    expect(await statusOf(grant.previewUrl ?? '')).toBe(200)
  })

  it('plays to its end over signed URLs', async () => {
    const { track } = await makeStreamableTrack(testApp.app, ann.id, { seconds })
    const { hls, url } = await bob.call(grantStream, { trackId: track.id }, { transport })
    expect(new Set(await probeCodecs(tools().ffprobe, hls?.url ?? ''))).toEqual(new Set(['aac']))
    for (const address of [hls?.url ?? '', url])
      expect(Math.abs((await decodeDuration(tools().ffmpeg, address)) - seconds)).toBeLessThan(0.1)
  })
})

describe('signed URLs of a stream', () => {
  it('give access to its playlists and media, in ranges, and nothing else', async () => {
    const { track, folder } = await makeStreamableTrack(testApp.app, ann.id, { seconds })
    const other = await makeStreamableTrack(testApp.app, ann.id, { seconds })
    const { hls, url } = await bob.call(grantStream, { trackId: track.id })
    const manifest = await fetch(hls?.url ?? '')
    expect(manifest.headers.get('content-type')).toBe('application/vnd.apple.mpegurl')
    const playlists = playlistUrls(await manifest.text(), manifest.url)
    expect(playlists).toHaveLength(2)
    for (const address of playlists) {
      const playlist = await fetch(address)
      expect(playlist.headers.get('content-type')).toBe('application/vnd.apple.mpegurl')
      const media = playlistUrls(await playlist.text(), playlist.url)
      expect(new Set(media).size).toBe(1)
      const part = await fetch(media[0] ?? '', { headers: { range: 'bytes=100-299' } })
      expect([part.status, part.headers.get('content-type')]).toEqual([206, 'audio/mp4'])
      expect((await part.arrayBuffer()).byteLength).toBe(200)
      const size = Number(part.headers.get('content-range')?.split('/')[1])
      const beyond = await fetch(media[0] ?? '', { headers: { range: `bytes=${size}-` } })
      expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${size}`])
      const head = await fetch(media[0] ?? '', { method: 'HEAD' })
      expect([head.status, head.headers.get('content-length')]).toEqual([200, String(size)])
      const stale = await fetch(media[0] ?? '', { headers: { range: 'bytes=0-9', 'if-range': '"another"' } })
      expect([stale.status, (await stale.arrayBuffer()).byteLength]).toEqual([200, size])
    }

    const { origin, search } = new URL(url)
    const elsewhere = [track.audioKey ?? '', `${other.folder}aac-160.mp4`, `audio/${track.id}/x/hls/aac-160.mp4`]
    for (const key of elsewhere) expect(await statusOf(`${origin}/${key}${search}`)).toBe(403)
    expect(await statusOf(`${origin}/${folder}../../${track.id}.flac${search}`)).toBe(403)
    expect(await statusOf(`${origin}/${folder}aac-160.mp4`)).toBe(403)
    expect(await statusOf(url.replace(/Signature=.{6}/, 'Signature=AAAAAA'))).toBe(403)
    expect(await statusOf((hls?.url ?? '').replace(/Signature=.{6}/, 'Signature=AAAAAA'))).toBe(403)
    expect(await statusOf((hls?.url ?? '').replace(/Policy=[^&]+/, new URL(url).search.slice(1)))).toBe(403)
  })

  it('expire at expiresAt', async () => {
    const { track } = await makeStreamableTrack(testApp.app, ann.id, { seconds })
    const { hls, url, previewUrl, expiresAt } = await bob.call(grantStream, { trackId: track.id })
    const all = [hls?.url ?? '', url, previewUrl ?? '']
    const [media = ''] = playlistUrls(await (await fetch(hls?.url ?? '')).text(), hls?.url ?? '')
    testApp.clock.advance(Date.parse(expiresAt) - testApp.clock.now() - 5_000)
    for (const address of [...all, media]) expect(await statusOf(address)).toBe(200)
    testApp.clock.advance(6_000)
    for (const address of [...all, media]) expect(await statusOf(address)).toBe(403)
    const again = await bob.call(grantStream, { trackId: track.id, positionMs: 4_000 })
    expect(await statusOf(again.hls?.url ?? '')).toBe(200)
  })

  it('work for a track with a thousand segments', async () => {
    const { track, audio } = await makeStreamableTrack(testApp.app, ann.id, { seconds })
    const playlistKey = audio.renditions[0]?.playlistKey ?? ''
    const real = String(await testApp.app.storage.get(playlistKey))
    const [segment = ''] = /#EXTINF.*\n.*\n.*\n/.exec(real) ?? []
    const playlist = real.replace(segment, () => segment.repeat(999))
    await testApp.app.storage.put(playlistKey, Buffer.from(playlist), 'application/vnd.apple.mpegurl')
    const { hls } = await bob.call(grantStream, { trackId: track.id })
    const [address = ''] = playlistUrls(await (await fetch(hls?.url ?? '')).text(), hls?.url ?? '')
    const rendered = await fetch(address)
    expect(rendered.headers.get('content-encoding')).toBe('gzip')
    const text = await rendered.text()
    expect(text.match(/Signature=/g)).toHaveLength(1_001)
    expect(await statusOf(playlistUrls(text, address)[500] ?? '')).toBe(200)
    expect(await probeCodecs(tools().ffprobe, hls?.url ?? '')).toContain('aac')
  })
})

describe('a stream delivered with cookies', () => {
  it('plays at plain URLs, for this track and until it expires', async () => {
    const { track, folder } = await makeStreamableTrack(testApp.app, ann.id, { seconds })
    const other = await makeStreamableTrack(testApp.app, ann.id, { seconds })
    const grant = await bob.call(grantStream, { trackId: track.id, delivery: 'cookies' })
    expect(grant).toMatchObject({ delivery: 'cookies', url: `${edge.url}/${folder}aac-160.mp4` })
    expect(grant.hls?.url).toBe(`${edge.url}/${folder}master.m3u8`)
    expect(grant.cookies.map(({ name }) => name).sort()).toEqual([
      ...['CloudFront-Key-Pair-Id', 'CloudFront-Policy', 'CloudFront-Signature'],
    ])
    const cookie = cookieHeaderOf(grant.cookies)
    const durationS = await decodeDuration(tools().ffmpeg, grant.hls?.url ?? '', { cookie })
    expect(Math.abs(durationS - seconds)).toBeLessThan(0.1)
    const fetched = (url: string, cookieHeader = cookie) => statusOf(url, { headers: { cookie: cookieHeader } })
    expect(await statusOf(grant.url)).toBe(403)
    expect(await fetched(grant.url)).toBe(200)
    expect(await fetched(`${edge.url}/${other.folder}aac-160.mp4`)).toBe(403)
    expect(await fetched(`${edge.url}/${track.audioKey}`)).toBe(403)
    expect(await fetched(grant.url, cookie.replace(/Signature=.{6}/, 'Signature=AAAAAA'))).toBe(403)
    testApp.clock.advance(Date.parse(grant.expiresAt) - testApp.clock.now() + 1_000)
    expect(await fetched(grant.url)).toBe(403)
  })

  it('sets the cookies over REST, for its own path and for allowed pages', async () => {
    const { track, folder } = await makeStreamableTrack(testApp.app, ann.id, { seconds })
    const input = { trackId: track.id, delivery: 'cookies' }
    const { headers, data } = await requestOverRest(bob.url, grantStream, input, { origin: page })
    expect(headers?.get('access-control-allow-credentials')).toBe('true')
    expect(headers?.get('cache-control')).toBe('no-store')
    const set = headers?.getSetCookie() ?? []
    const { cookies } = data as { cookies: Cookie[] }
    expect(set.map(line => line.split('; ')[0])).toEqual(cookies.map(({ name, value }) => `${name}=${value}`))
    for (const line of set) {
      expect(line).toMatch(/; HttpOnly; Secure; SameSite=None$/)
      expect(line).toContain(`; Domain=.tutti.example; Path=/${folder};`)
      expect(Number(/Max-Age=(\d+)/.exec(line)?.[1])).toBeGreaterThan(9 * 60)
    }
    const plain = await requestOverRest(bob.url, grantStream, { trackId: track.id }, { origin: page })
    expect(plain.headers?.getSetCookie()).toEqual([])
    const overSocket = await bob.call(grantStream, { trackId: track.id, delivery: 'cookies' }, { transport: 'socket' })
    expect(overSocket.cookies).toEqual(cookies)
  })

  it('falls back to signed URLs without renditions', async () => {
    const { id: trackId } = await makeTrack(ann.id)
    const grant = await bob.call(grantStream, { trackId, delivery: 'cookies' })
    expect(grant).toMatchObject({ delivery: 'url', hls: null, cookies: [] })
    expect(grant.url).toContain('Signature=')
  })

  it('accepts credentials only from allowed pages', async () => {
    const path = `${bob.url}/api/v1/tracks/x/stream`
    const preflight = (origin: string) =>
      fetch(path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
    expect((await preflight(page)).headers.get('access-control-allow-credentials')).toBe('true')
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
    const media = await fetch(`${edge.url}/audio/x`, { headers: { origin: page } })
    expect(media.headers.get('access-control-allow-credentials')).toBe('true')
  })
})

describe('without a distribution', () => {
  it('a stream plays over presigned URLs, and modified URLs are refused', async () => {
    await using bare = await createTestApp({ nodes: 1, variables: noDistribution })
    const person = await bare.signIn('ann')
    const { track, folder } = await makeStreamableTrack(bare.app, person.id, { seconds })
    for (const delivery of ['url', 'cookies'] as const) {
      const grant = await person.call(grantStream, { trackId: track.id, delivery })
      expect(grant).toMatchObject({ delivery: 'url', cookies: [], progressive: { rendition: 'aac-160' } })
      const durationS = await decodeDuration(tools().ffmpeg, grant.hls?.url ?? '')
      expect(Math.abs(durationS - seconds)).toBeLessThan(0.1)
      const manifest = await fetch(grant.hls?.url ?? '')
      expect(manifest.headers.get('content-type')).toBe('application/vnd.apple.mpegurl')
      const [playlist = ''] = playlistUrls(await manifest.text(), manifest.url)
      const [media = ''] = playlistUrls(await (await fetch(playlist)).text(), playlist)
      const part = await fetch(media, { headers: { range: 'bytes=0-99' } })
      expect([part.status, part.headers.get('content-type')]).toEqual([206, 'audio/mp4'])
      expect(await statusOf(media.replace('aac-96.mp4', 'aac-160.mp4'))).toBe(403)
      expect(await statusOf(media.replace(`${folder}aac-96.mp4`, track.audioKey ?? ''))).toBe(403)
      expect(await statusOf(media.replace(/X-Amz-Expires=\d+/, 'X-Amz-Expires=604800'))).toBe(403)
      expect(await statusOf(playlist.split('?')[0] ?? '')).toBe(403)
    }
  })

  it('a presigned URL expires at its time', async () => {
    const { storage } = testApp.app
    await storage.put('audio/brief.mp4', Buffer.from('brief'), 'audio/mp4')
    const url = await storage.presignGet('audio/brief.mp4', 1, 'audio/mp4')
    expect(await statusOf(url)).toBe(200)
    await new Promise(resolve => setTimeout(resolve, 2_100))
    expect(await statusOf(url)).toBe(403)
  })
})
