import { getCapabilities } from '../../../skills/capabilities/get-capabilities'
import { getStorage } from '../../../skills/music-upload/get-storage'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { initiatePicture } from '../../../skills/pictures/initiate-picture'
import { openPlay } from '../../../skills/plays/open-play'
import { listHistory } from '../../../skills/plays/list-history'
import { grantDownload } from '../../../skills/streaming/grant-download'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeTrack } from '../../factories'
import { askOverRest, doors, type Person } from '../../people'
import { plainPng } from '../../pictures'
import { freshWorld, type TestWorld } from '../../world'
import { addPicture, announcePicture } from '../pictures/picturing'

let world: TestWorld
let ann: Person
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann')
})
afterAll(() => world[Symbol.asyncDispose]())

const sha256 = 'a'.repeat(64)
const file = { fileName: 'a.mp3', contentType: 'audio/mpeg', sizeBytes: 1, sha256 } as const

it.each(doors)('tells the same over %s, and to anybody', async door => {
  const told = await ann.call(getCapabilities, {}, { door })
  expect((await askOverRest(ann.url, getCapabilities, {}, {})).data).toEqual(told)
})

it('tells of uploads what holds', async () => {
  const { upload } = await ann.call(getCapabilities, {})
  for (const contentType of upload.contentTypes)
    expect((await ann.ask(initiateUpload, { ...file, contentType })).error?.code).not.toBe('invalid_input')
  const other = await world.person('other')
  expect(await other.refused(initiateUpload, { ...file, contentType: 'audio/midi' })).toMatchObject({
    code: 'invalid_input',
  })
  expect(await other.refused(initiateUpload, { ...file, sizeBytes: upload.bytesMax + 1 })).toMatchObject({
    code: 'invalid_input',
  })
  const small = { ...file, sizeBytes: upload.singlePutBytesMax }
  const { upload: begun, put } = await other.call(initiateUpload, small)
  const lifeOf = (until: string) => Math.round((Date.parse(until) - Date.parse(begun.createdAt)) / 1_000)
  expect(lifeOf(begun.expiresAt)).toBe(upload.sendWithinSeconds)
  expect(lifeOf(put?.expiresAt ?? '')).toBe(upload.putUrlSeconds)
  const { parts } = await other.call(initiateUpload, { ...file, sizeBytes: small.sizeBytes + 1 })
  expect(parts?.partBytes).toBe(upload.partBytesMin)
  const { parts: large } = await other.call(initiateUpload, { ...file, sizeBytes: upload.bytesMax })
  expect(large?.partBytes).toBe(upload.partBytesMax)
  expect((await other.call(getStorage, {})).quotaBytes).toBe(upload.quotaBytes)
  const late = (seconds: number) => new Date(world.clock.now() + 1_000 * seconds).toISOString()
  await other.call(initiateUpload, { ...file, releaseAt: late(upload.releaseAheadSecondsMax - 60) })
  const tooLate = { ...file, releaseAt: late(upload.releaseAheadSecondsMax + 60) }
  expect(await other.refused(initiateUpload, tooLate)).toMatchObject({ code: 'invalid_input' })
})

it('tells of listening what holds', async () => {
  const { streaming, plays, lists } = await ann.call(getCapabilities, {})
  const { id: trackId } = await makeTrack(ann.id, { durationMs: 240_000 })
  const { expiresAt } = await ann.call(grantStream, { trackId })
  const lifeS = (Date.parse(expiresAt) - world.clock.now()) / 1_000
  expect(Math.abs(lifeS - 240 - streaming.grantMarginSeconds)).toBeLessThan(5)
  expect(streaming.deliveries).toEqual(['url', 'cookies'])
  for (const quality of streaming.qualities) await ann.call(grantStream, { trackId, quality: quality as 'aac-96' })
  const download = await ann.call(grantDownload, { trackId })
  const downloadS = (Date.parse(download.expiresAt) - world.clock.now()) / 1_000
  expect(Math.abs(downloadS - streaming.downloadSeconds)).toBeLessThan(5)
  const { id: longest } = await makeTrack(ann.id, { durationMs: 24 * 3_600_000 })
  const long = await ann.call(grantStream, { trackId: longest })
  expect(Math.abs((Date.parse(long.expiresAt) - world.clock.now()) / 1_000 - streaming.grantSecondsMax)).toBeLessThan(5)
  const { thresholdMs, tellEveryMs } = await ann.call(openPlay, { trackId })
  expect({ thresholdMs, tellEveryMs }).toEqual({ thresholdMs: plays.thresholdMsMax, tellEveryMs: plays.tellEveryMs })
  expect(await ann.call(listHistory, { limit: lists.limitMax })).toEqual([])
  expect(await ann.refused(listHistory, { limit: lists.limitMax + 1 })).toMatchObject({ code: 'invalid_input' })
})

it('tells of pictures what holds', async () => {
  const cara = await world.person('cara')
  const { pictures } = await cara.call(getCapabilities, {})
  const small = await plainPng({ width: pictures.sideMin, height: pictures.sideMin })
  const announced = announcePicture(small)
  for (const contentType of pictures.contentTypes)
    expect((await cara.ask(initiatePicture, { ...announced, contentType })).error).toBeUndefined()
  expect(await cara.refused(initiatePicture, { ...announced, sizeBytes: pictures.bytesMax + 1 })).toMatchObject({
    code: 'invalid_input',
  })
  const left = pictures.pendingMax - pictures.contentTypes.length
  for (let n = 0; n < left; n += 1) await cara.call(initiatePicture, announced)
  expect(await cara.refused(initiatePicture, announced)).toMatchObject({ code: 'too_many_pictures' })

  const dan = await world.person('dan')
  const { picture, put } = await dan.call(initiatePicture, announced)
  const lifeOf = (until: string) => Math.round((Date.parse(until) - Date.parse(picture.createdAt)) / 1_000)
  expect(lifeOf(picture.expiresAt)).toBe(pictures.sendWithinSeconds)
  expect(lifeOf(put.expiresAt)).toBe(pictures.putUrlSeconds)
  const { id } = await addPicture(world, dan, small)
  for (const file of pictures.files)
    expect((await fetch(new URL(`${pictures.at}/${id}/${file}`, dan.url))).status).toBe(200)
})
