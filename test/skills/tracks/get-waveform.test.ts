import { randomUUID } from 'node:crypto'
import { Waveform } from '../../../models'
import { getWaveform } from '../../../skills/tracks/get-waveform'
import { downsamplePeaks } from '../../../skills/tracks/rules'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

const fine = Buffer.from(Array.from({ length: 3_200 }, (_, index) => (index * 7) % 256))

let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
})
afterAll(() => testApp[Symbol.asyncDispose]())

async function drawn(visibility: 'public' | 'private' = 'public') {
  const uploadId = randomUUID()
  const { id: trackId } = await makeTrack(ann.id, { visibility })
  await Waveform.create({ trackId, uploadId, peaks: fine })
  return { trackId, uploadId }
}

/** A GET as a browser makes it, with a condition or without. */
const get = (path: string, headers: Record<string, string> = {}, person = bob) =>
  fetch(`${person.url}/api/v1${path}`, { headers: { authorization: `Bearer ${person.token}`, ...headers } })

it.each(transports)('comes as fine as asked for over %s, and loses no peak', async transport => {
  const { trackId, uploadId } = await drawn()
  const ask = (more = {}) => bob.call(getWaveform, { trackId, ...more }, { transport })
  expect(await ask()).toEqual({ trackId, version: uploadId, peaks: [...downsamplePeaks(fine, 800)] })
  expect((await ask({ points: 3_200 })).peaks).toEqual([...fine])
  const { peaks } = await ask({ points: 200 })
  expect(peaks).toHaveLength(200)
  expect(peaks[0]).toBe(Math.max(...fine.subarray(0, 16)))
  expect((await ask({ points: 1 })).peaks).toEqual([255])
  expect(await bob.expectProblem(getWaveform, { trackId, points: 3_201 }, { transport })).toMatchObject({
    code: 'invalid_input',
  })
})

it('of a very short track has as many peaks as there are', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  await Waveform.create({ trackId, uploadId: randomUUID(), peaks: downsamplePeaks(fine, 100) })
  expect((await bob.call(getWaveform, { trackId, points: 3_200 })).peaks).toHaveLength(100)
})

describe('a client', () => {
  it('may keep it, its own alone, and is told when it is still the same', async () => {
    const { trackId, uploadId } = await drawn()
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

  it('may keep for good what names its version, and gets the new one when the audio was replaced', async () => {
    const { trackId, uploadId } = await drawn()
    const path = `/tracks/${trackId}/waveform?points=200&version=${uploadId}`
    expect((await get(path)).headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
    const replaced = randomUUID()
    await Waveform.upsert({ trackId, uploadId: replaced, peaks: fine })
    const now = await get(path, { 'if-none-match': `"${uploadId}"` })
    expect(now.status).toBe(200)
    expect(now.headers.get('cache-control')).toBe('private, max-age=300')
    expect(await now.json()).toMatchObject({ data: { version: replaced } })
  })

  it('that may not see the track learns nothing by its tag, and keeps no refusal', async () => {
    const { trackId, uploadId } = await drawn('private')
    const path = `/tracks/${trackId}/waveform`
    const refused = await get(path, { 'if-none-match': `"${uploadId}"` })
    expect(refused.status).toBe(404)
    expect(refused.headers.get('cache-control')).toBe('no-store')
    expect(refused.headers.get('etag')).toBeNull()
    expect((await get(path, { 'if-none-match': `"${uploadId}"` }, ann)).status).toBe(304)
  })
})
