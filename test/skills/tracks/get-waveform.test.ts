import { randomUUID } from 'node:crypto'
import { Waveform } from '../../../models'
import { getWaveform } from '../../../skills/tracks/get-waveform'
import { downsamplePeaks } from '../../../media/audio/peaks'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

const finePeaks = Buffer.from(Array.from({ length: 3_200 }, (_, index) => (index * 7) % 256))

let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
})
afterAll(() => testApp[Symbol.asyncDispose]())

async function makeWaveform(visibility: 'public' | 'private' = 'public') {
  const uploadId = randomUUID()
  const { id: trackId } = await makeTrack(ann.id, { visibility })
  await Waveform.create({ trackId, uploadId, peaks: finePeaks })
  return { trackId, uploadId }
}

/** Sends a GET with the given headers. */
const get = (path: string, headers: Record<string, string> = {}, person = bob) =>
  fetch(`${person.url}/api/v1${path}`, { headers: { authorization: `Bearer ${person.token}`, ...headers } })

it.each(transports)('has the requested resolution over %s, and keeps the maximum peaks', async transport => {
  const { trackId, uploadId } = await makeWaveform()
  const read = (more = {}) => bob.call(getWaveform, { trackId, ...more }, { transport })
  expect(await read()).toEqual({ trackId, version: uploadId, peaks: [...downsamplePeaks(finePeaks, 800)] })
  expect((await read({ points: 3_200 })).peaks).toEqual([...finePeaks])
  const { peaks } = await read({ points: 200 })
  expect(peaks).toHaveLength(200)
  expect(peaks[0]).toBe(Math.max(...finePeaks.subarray(0, 16)))
  expect((await read({ points: 1 })).peaks).toEqual([255])
  expect(await bob.expectProblem(getWaveform, { trackId, points: 3_201 }, { transport })).toMatchObject({
    code: 'invalid_input',
  })
})

it('of a very short track has as many peaks as are stored', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  await Waveform.create({ trackId, uploadId: randomUUID(), peaks: downsamplePeaks(finePeaks, 100) })
  expect((await bob.call(getWaveform, { trackId, points: 3_200 })).peaks).toHaveLength(100)
})

describe('a client', () => {
  it('may cache it privately, and gets 304 while it is unchanged', async () => {
    const { trackId, uploadId } = await makeWaveform()
    const first = await get(`/tracks/${trackId}/waveform`)
    expect(first.headers.get('cache-control')).toBe('private, max-age=300')
    expect(first.headers.get('vary')).toContain('Authorization')
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toBe(`"${uploadId}"`)
    for (const condition of [etag, `"other", W/${etag}`, '*']) {
      const again = await get(`/tracks/${trackId}/waveform`, { 'if-none-match': condition })
      expect(again.status).toBe(304)
      expect(await again.text()).toBe('')
      expect(again.headers.get('etag')).toBe(etag)
    }
    expect((await get(`/tracks/${trackId}/waveform`, { 'if-none-match': '"other"' })).status).toBe(200)
  })

  it('may cache a URL with its version permanently, and gets the new one after the audio is replaced', async () => {
    const { trackId, uploadId } = await makeWaveform()
    const path = `/tracks/${trackId}/waveform?points=200&version=${uploadId}`
    expect((await get(path)).headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
    const replaced = randomUUID()
    await Waveform.upsert({ trackId, uploadId: replaced, peaks: finePeaks })
    const updated = await get(path, { 'if-none-match': `"${uploadId}"` })
    expect(updated.status).toBe(200)
    expect(updated.headers.get('cache-control')).toBe('private, max-age=300')
    expect(await updated.json()).toMatchObject({ data: { version: replaced } })
  })

  it('that may not see the track gets an uncacheable 404, whatever ETag it sends', async () => {
    const { trackId, uploadId } = await makeWaveform('private')
    const path = `/tracks/${trackId}/waveform`
    const refused = await get(path, { 'if-none-match': `"${uploadId}"` })
    expect(refused.status).toBe(404)
    expect(refused.headers.get('cache-control')).toBe('no-store')
    expect(refused.headers.get('etag')).toBeNull()
    expect((await get(path, { 'if-none-match': `"${uploadId}"` }, ann)).status).toBe(304)
  })
})
