import { randomUUID } from 'node:crypto'
import sharp from 'sharp'
import { orphanAgeMs } from '../../../kernel/platform/bucket-sweep'
import { Picture, Track } from '../../../models'
import { sweepIncoming } from '../../../skills/music-upload/sweep/sweep-incoming'
import { getPicture } from '../../../skills/pictures/get-picture'
import { getPictureFile } from '../../../skills/pictures/get-picture-file'
import { removeAvatar } from '../../../skills/pictures/remove-avatar'
import { repairPicture } from '../../../skills/pictures/repair-picture'
import { replacedFilesLifeMs } from '../../../skills/pictures/rules'
import { pictureFiles } from '../../../media/pictures/picture-files'
import { sweepPictures } from '../../../skills/pictures/sweep-pictures'
import { makeTrack } from '../../factories'
import { createOwnBucket } from '../../create-own-bucket'
import { plainPng } from '../../make-pictures'
import { createTestApp, type TestApp } from '../../test-app'
import { addPicture, submitPicture, createJobContext, storedKeys } from './add-picture'

let testApp: TestApp
let png: Buffer
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1, variables: await createOwnBucket() })
  png = await sharp({ create: { width: 300, height: 300, channels: 3, background: '#208040' } })
    .png()
    .toBuffer()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const putOrphan = (key: string) => testApp.app.storage.put(key, Buffer.from('planted'), 'image/webp')
const isThere = async (key: string) => (await testApp.app.storage.head(key)) !== undefined

async function sweep(): Promise<void> {
  await testApp.app.db.query(`select graphile_worker.add_job(:name, '{}'::json)`, { name: sweepPictures.name })
  await testApp.runJobs()
}

async function countMissing(): Promise<number | undefined> {
  const { values } = await testApp.app.metrics.bucketMissingObjects.get()
  return values.find(({ labels }) => labels.area === 'pictures')?.value
}

it('deletes old files of pictures that are not shown, and nothing else', async () => {
  const ann = await testApp.signIn('ann')
  const shown = await addPicture(testApp, ann, png)
  const replaced = await addPicture(testApp, await testApp.signIn('bea'), png)
  await addPicture(testApp, await testApp.signIn('bea'), png)
  const kept = [...(await storedKeys(testApp, shown.id)), ...(await storedKeys(testApp, replaced.id))]
  expect(kept).toHaveLength(12)
  const removed = await addPicture(testApp, await testApp.signIn('cleo'), png)
  await (await testApp.signIn('cleo')).call(removeAvatar, {})
  await testApp.runJobs()

  const orphans = [`pictures/${randomUUID()}/250.webp`, `pictures/${removed.id}/250.webp`]
  const foreign = 'pictures/by-hand/250.webp'
  for (const key of [...orphans, foreign]) await putOrphan(key)
  await sweep()
  for (const key of [...orphans, foreign]) expect([key, await isThere(key)]).toEqual([key, true])

  // The planted objects are old from here on, and tokens have expired.
  testApp.clock.advance(orphanAgeMs + 1_000)
  const waiting = await submitPicture(await testApp.signIn('dan'), png)
  await sweep()
  for (const key of orphans) expect([key, await isThere(key)]).toEqual([key, false])
  expect(await isThere(foreign)).toBe(true)
  expect(await storedKeys(testApp, shown.id)).toHaveLength(6)
  expect(await (await testApp.signIn('dan')).call(getPicture, { pictureId: waiting })).toMatchObject({ state: 'ready' })
  expect(await countMissing()).toBe(0)
})

describe('a picture that was replaced', () => {
  const afterLifeMs = replacedFilesLifeMs + 2 * 60 * 60_000

  /** Adds a replaced picture and deletes the job that would delete its files. */
  async function addReplacedPicture(name: string): Promise<string> {
    const { id } = await addPicture(testApp, await testApp.signIn(name), png)
    await addPicture(testApp, await testApp.signIn(name), png)
    await testApp.app.db.query(`delete from graphile_worker._private_jobs where run_at > now() returning id`)
    return id
  }

  it('is deleted at its due time although its job is lost, and not before', async () => {
    const id = await addReplacedPicture('gil')
    // Its files are old, but it was replaced just now.
    testApp.clock.advance(orphanAgeMs + 1_000)
    await Picture.update({ replacedAt: new Date(testApp.clock.now()) }, { where: { id } })
    await sweep()
    expect(await storedKeys(testApp, id)).toHaveLength(6)
    const input = { pictureId: id, file: '500.webp' } as const
    await (await testApp.signIn('gil')).call(getPictureFile, input, { transport: 'socket' })
    testApp.clock.advance(afterLifeMs)
    await sweep()
    expect(await storedKeys(testApp, id)).toEqual([])
    expect(await (await testApp.signIn('gil')).expectProblem(getPictureFile, input)).toMatchObject({
      code: 'not_found',
    })
  })
})

it('deletes the files of pictures whose rows were deleted with their track', async () => {
  const ann = await testApp.signIn('ann')
  const track = await makeTrack(ann.id)
  const { id } = await addPicture(testApp, ann, png, { trackId: track.id })
  await Track.destroy({ where: { id: track.id } })
  expect(await Picture.findByPk(id)).toBeNull()
  testApp.clock.advance(orphanAgeMs + 1_000)
  await sweep()
  expect(await storedKeys(testApp, id)).toEqual([])
})

it('keeps the file of a picture that has waited for a worker for days', async () => {
  const pictureId = await submitPicture(await testApp.signIn('ivy'), png)
  testApp.clock.advance(orphanAgeMs + 1_000)
  await sweepIncoming('', createJobContext(testApp))
  await testApp.runJobs()
  expect(await (await testApp.signIn('ivy')).call(getPicture, { pictureId })).toMatchObject({ state: 'ready' })
  const leftover = `incoming/${pictureId}`
  await putOrphan(leftover)
  testApp.clock.advance(orphanAgeMs + 1_000)
  await sweepIncoming('', createJobContext(testApp))
  expect(await isThere(leftover)).toBe(false)
})

describe('a picture that has lost files', () => {
  it('is rendered again from the largest remaining file, and counted as missing until then', async () => {
    const { id } = await addPicture(testApp, await testApp.signIn('eve'), await plainPng({ width: 1200, height: 1200 }))
    const key = (file: string) => `pictures/${id}/${file}`
    for (const file of ['1000.webp', '500.jpg', '250.webp']) await testApp.app.storage.delete(key(file))
    await sweep()
    expect(await countMissing()).toBe(1)
    for (const file of pictureFiles) {
      const { width, format } = await sharp(await testApp.app.storage.get(key(file))).metadata()
      expect([file, width, format]).toEqual([file, parseInt(file), file.endsWith('webp') ? 'webp' : 'jpeg'])
    }
    const headers = (await testApp.app.storage.head(key('1000.webp')))?.contentType
    expect(headers).toBe('image/webp')
    await sweep()
    expect(await countMissing()).toBe(0)
  })

  it('gets the size of the largest remaining file', async () => {
    const { id } = await addPicture(testApp, await testApp.signIn('fay'), await plainPng({ width: 1200, height: 1200 }))
    for (const file of pictureFiles.filter(file => file !== '250.jpg'))
      await testApp.app.storage.delete(`pictures/${id}/${file}`)
    await sweep()
    expect(await storedKeys(testApp, id)).toHaveLength(6)
    expect((await sharp(await testApp.app.storage.get(`pictures/${id}/1000.webp`)).metadata()).width).toBe(250)
  })

  it('stays as it is and is counted as missing when no file remains', async () => {
    const cay = await testApp.signIn('cay')
    const { id } = await addPicture(testApp, cay, png)
    await testApp.app.storage.deletePrefix(`pictures/${id}/`)
    for (let round = 0; round < 2; round += 1) {
      await sweep()
      expect(await countMissing()).toBe(1)
    }
    expect(await storedKeys(testApp, id)).toEqual([])
    await cay.call(removeAvatar, {})
    await sweep()
    expect(await countMissing()).toBe(0)
  })

  it('gets no files when it is removed meanwhile', async () => {
    const dee = await testApp.signIn('dee')
    const { id } = await addPicture(testApp, dee, png)
    await testApp.app.storage.delete(`pictures/${id}/500.webp`)
    await Promise.all([repairPicture.run({ pictureId: id }, createJobContext(testApp)), dee.call(removeAvatar, {})])
    await testApp.runJobs()
    expect(await storedKeys(testApp, id)).toEqual([])
    await repairPicture.run({ pictureId: id }, createJobContext(testApp))
    expect(await storedKeys(testApp, id)).toEqual([])
  })
})
