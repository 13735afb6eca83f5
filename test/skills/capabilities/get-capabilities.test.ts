import { getCapabilities } from '../../../skills/capabilities/get-capabilities'
import { getStorageUsage } from '../../../skills/music-upload/get-storage-usage'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { initiatePicture } from '../../../skills/pictures/initiate-picture'
import { startPlay } from '../../../skills/plays/start-play'
import { listHistory } from '../../../skills/plays/list-history'
import { grantDownload } from '../../../skills/streaming/grant-download'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeTrack } from '../../factories'
import { requestOverRest, transports, type Person } from '../../person'
import { plainPng } from '../../make-pictures'
import { createTestApp, type TestApp } from '../../test-app'
import { addPicture, pictureInput } from '../pictures/add-picture'

let testApp: TestApp
let ann: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
})
afterAll(() => testApp[Symbol.asyncDispose]())

const sha256 = 'a'.repeat(64)
const file = { fileName: 'a.mp3', contentType: 'audio/mpeg', sizeBytes: 1, sha256 } as const

it.each(transports)('answers the same over %s, and without signing in', async transport => {
  const capabilities = await ann.call(getCapabilities, {}, { transport })
  expect((await requestOverRest(ann.url, getCapabilities, {}, {})).data).toEqual(capabilities)
})

it('gives the limits of uploads that the operations enforce', async () => {
  const { uploads } = await ann.call(getCapabilities, {})
  for (const contentType of uploads.contentTypes)
    expect((await ann.request(initiateUpload, { ...file, contentType })).error?.code).not.toBe('invalid_input')
  const other = await testApp.signIn('other')
  expect(await other.expectProblem(initiateUpload, { ...file, contentType: 'audio/midi' })).toMatchObject({
    code: 'invalid_input',
  })
  expect(await other.expectProblem(initiateUpload, { ...file, sizeBytes: uploads.bytesMax + 1 })).toMatchObject({
    code: 'invalid_input',
  })
  const small = { ...file, sizeBytes: uploads.singlePutBytesMax }
  const { upload: initiated, putRequest: put } = await other.call(initiateUpload, small)
  const secondsUntil = (until: string) => Math.round((Date.parse(until) - Date.parse(initiated.createdAt)) / 1_000)
  expect(secondsUntil(initiated.expiresAt)).toBe(uploads.uploadWithinSeconds)
  expect(secondsUntil(put?.expiresAt ?? '')).toBe(uploads.uploadUrlSeconds)
  const { parts } = await other.call(initiateUpload, { ...file, sizeBytes: small.sizeBytes + 1 })
  expect(parts?.partBytes).toBe(uploads.partBytesMin)
  const { parts: large } = await other.call(initiateUpload, { ...file, sizeBytes: uploads.bytesMax })
  expect(large?.partBytes).toBe(uploads.partBytesMax)
  expect((await other.call(getStorageUsage, {})).quotaBytes).toBe(uploads.quotaBytes)
  const inSeconds = (seconds: number) => new Date(testApp.clock.now() + 1_000 * seconds).toISOString()
  await other.call(initiateUpload, { ...file, releaseAt: inSeconds(uploads.releaseAheadSecondsMax - 60) })
  const tooLate = { ...file, releaseAt: inSeconds(uploads.releaseAheadSecondsMax + 60) }
  expect(await other.expectProblem(initiateUpload, tooLate)).toMatchObject({ code: 'invalid_input' })
})

it('gives the limits of streaming, plays and lists that the operations enforce', async () => {
  const { streaming, plays, lists } = await ann.call(getCapabilities, {})
  const { id: trackId } = await makeTrack(ann.id, { durationMs: 240_000 })
  const { expiresAt } = await ann.call(grantStream, { trackId })
  const grantSeconds = (Date.parse(expiresAt) - testApp.clock.now()) / 1_000
  expect(Math.abs(grantSeconds - 240 - streaming.grantMarginSeconds)).toBeLessThan(5)
  expect(streaming.deliveries).toEqual(['url', 'cookies'])
  for (const quality of streaming.qualities) await ann.call(grantStream, { trackId, quality: quality as 'aac-96' })
  const download = await ann.call(grantDownload, { trackId })
  const downloadS = (Date.parse(download.expiresAt) - testApp.clock.now()) / 1_000
  expect(Math.abs(downloadS - streaming.downloadSeconds)).toBeLessThan(5)
  const { id: longest } = await makeTrack(ann.id, { durationMs: 24 * 3_600_000 })
  const long = await ann.call(grantStream, { trackId: longest })
  expect(Math.abs((Date.parse(long.expiresAt) - testApp.clock.now()) / 1_000 - streaming.grantSecondsMax)).toBeLessThan(
    5,
  )
  const { thresholdMs, reportIntervalMs } = await ann.call(startPlay, { trackId })
  expect({ thresholdMs, reportIntervalMs }).toEqual({
    thresholdMs: plays.thresholdMsMax,
    reportIntervalMs: plays.reportIntervalMs,
  })
  expect(await ann.call(listHistory, { limit: lists.limitMax })).toEqual([])
  expect(await ann.expectProblem(listHistory, { limit: lists.limitMax + 1 })).toMatchObject({ code: 'invalid_input' })
})

it('gives the limits of pictures that the operations enforce', async () => {
  const cara = await testApp.signIn('cara')
  const { pictures } = await cara.call(getCapabilities, {})
  const small = await plainPng({ width: pictures.sideMin, height: pictures.sideMin })
  const input = pictureInput(small)
  for (const contentType of pictures.contentTypes)
    expect((await cara.request(initiatePicture, { ...input, contentType })).error).toBeUndefined()
  expect(await cara.expectProblem(initiatePicture, { ...input, sizeBytes: pictures.bytesMax + 1 })).toMatchObject({
    code: 'invalid_input',
  })
  const remaining = pictures.pendingMax - pictures.contentTypes.length
  for (let n = 0; n < remaining; n += 1) await cara.call(initiatePicture, input)
  expect(await cara.expectProblem(initiatePicture, input)).toMatchObject({ code: 'too_many_pictures' })

  const dan = await testApp.signIn('dan')
  const { picture, putRequest: put } = await dan.call(initiatePicture, input)
  const secondsUntil = (until: string) => Math.round((Date.parse(until) - Date.parse(picture.createdAt)) / 1_000)
  expect(secondsUntil(picture.expiresAt)).toBe(pictures.uploadWithinSeconds)
  expect(secondsUntil(put.expiresAt)).toBe(pictures.uploadUrlSeconds)
  const { id } = await addPicture(testApp, dan, small)
  for (const file of pictures.files)
    expect((await fetch(new URL(`${pictures.baseUrl}/${id}/${file}`, dan.url))).status).toBe(200)
})
