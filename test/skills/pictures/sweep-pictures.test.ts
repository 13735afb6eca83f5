import { randomUUID } from 'node:crypto'
import sharp from 'sharp'
import { orphanAgeMs } from '../../../kernel/sweep'
import { Picture, Track } from '../../../models'
import { sweepIncoming } from '../../../skills/music-upload/sweep/sweep-incoming'
import { getPicture } from '../../../skills/pictures/get-picture'
import { locatePicture } from '../../../skills/pictures/locate-picture'
import { removeAvatar } from '../../../skills/pictures/remove-avatar'
import { repairPicture } from '../../../skills/pictures/repair-picture'
import { pictureFiles, replacedKeptMs } from '../../../skills/pictures/rules'
import { sweepPictures } from '../../../skills/pictures/sweep-pictures'
import { makeTrack } from '../../factories'
import { ownBucket } from '../../own-bucket'
import { plainPng } from '../../pictures'
import { freshWorld, type TestWorld } from '../../world'
import { addPicture, handIn, jobContext, storedOf } from './picturing'

let world: TestWorld
let png: Buffer
beforeAll(async () => {
  world = await freshWorld({ nodes: 1, variables: await ownBucket() })
  png = await sharp({ create: { width: 300, height: 300, channels: 3, background: '#208040' } })
    .png()
    .toBuffer()
})
afterAll(() => world[Symbol.asyncDispose]())

const plant = (key: string) => world.world.storage.put(key, Buffer.from('planted'), 'image/webp')
const isThere = async (key: string) => (await world.world.storage.head(key)) !== undefined

async function sweep(): Promise<void> {
  await world.world.db.query(`select graphile_worker.add_job(:name, '{}'::json)`, { name: sweepPictures.name })
  await world.work()
}

async function missing(): Promise<number | undefined> {
  const { values } = await world.world.metrics.bucketMissing.get()
  return values.find(({ labels }) => labels.area === 'pictures')?.value
}

it('removes old files of pictures that nobody shows, and nothing else', async () => {
  const ann = await world.person('ann')
  const shown = await addPicture(world, ann, png)
  const replaced = await addPicture(world, await world.person('bea'), png)
  await addPicture(world, await world.person('bea'), png)
  const kept = [...(await storedOf(world, shown.id)), ...(await storedOf(world, replaced.id))]
  expect(kept).toHaveLength(12)
  const removed = await addPicture(world, await world.person('cleo'), png)
  await (await world.person('cleo')).call(removeAvatar, {})
  await world.work()

  const orphans = [`pictures/${randomUUID()}/250.webp`, `pictures/${removed.id}/250.webp`]
  const foreign = 'pictures/by-hand/250.webp'
  for (const key of [...orphans, foreign]) await plant(key)
  await sweep()
  for (const key of [...orphans, foreign]) expect([key, await isThere(key)]).toEqual([key, true])

  // What was planted is old from now on; so is every token.
  world.clock.advance(orphanAgeMs + 1_000)
  const waiting = await handIn(await world.person('dan'), png)
  await sweep()
  for (const key of orphans) expect([key, await isThere(key)]).toEqual([key, false])
  expect(await isThere(foreign)).toBe(true)
  expect(await storedOf(world, shown.id)).toHaveLength(6)
  expect(await (await world.person('dan')).call(getPicture, { pictureId: waiting })).toMatchObject({ state: 'ready' })
  expect(await missing()).toBe(0)
})

describe('a picture that was replaced', () => {
  const over = replacedKeptMs + 2 * 60 * 60_000

  /** Replaced pictures of somebody, of whom nobody removes what is left: as if those jobs were lost. */
  async function replacedOf(name: string): Promise<string> {
    const { id } = await addPicture(world, await world.person(name), png)
    await addPicture(world, await world.person(name), png)
    await world.world.db.query(`delete from graphile_worker._private_jobs where run_at > now() returning id`)
    return id
  }

  it('goes when it was to go and its job was lost, and not before', async () => {
    const id = await replacedOf('gil')
    // Its files are old, and it was replaced a moment ago.
    world.clock.advance(orphanAgeMs + 1_000)
    await Picture.update({ replacedAt: new Date(world.clock.now()) }, { where: { id } })
    await sweep()
    expect(await storedOf(world, id)).toHaveLength(6)
    const input = { pictureId: id, file: '500.webp' } as const
    await (await world.person('gil')).call(locatePicture, input, { door: 'socket' })
    world.clock.advance(over)
    await sweep()
    expect(await storedOf(world, id)).toEqual([])
    expect(await (await world.person('gil')).refused(locatePicture, input)).toMatchObject({ code: 'not_found' })
  })

  it('by the release before, which does not note when, goes a day after it was first seen', async () => {
    const id = await replacedOf('hal')
    await Picture.update({ replacedAt: null }, { where: { id } })
    world.clock.advance(orphanAgeMs + 1_000)
    await sweep()
    expect(await storedOf(world, id)).toHaveLength(6)
    world.clock.advance(over)
    await sweep()
    expect(await storedOf(world, id)).toEqual([])
  })
})

it('removes the files of pictures whose rows are gone with their track', async () => {
  const ann = await world.person('ann')
  const track = await makeTrack(ann.id)
  const { id } = await addPicture(world, ann, png, { trackId: track.id })
  await Track.destroy({ where: { id: track.id } })
  expect(await Picture.findByPk(id)).toBeNull()
  world.clock.advance(orphanAgeMs + 1_000)
  await sweep()
  expect(await storedOf(world, id)).toEqual([])
})

it('leaves the file of a picture alone that still waits for a worker after days', async () => {
  const pictureId = await handIn(await world.person('ivy'), png)
  world.clock.advance(orphanAgeMs + 1_000)
  await sweepIncoming('', jobContext(world))
  await world.work()
  expect(await (await world.person('ivy')).call(getPicture, { pictureId })).toMatchObject({ state: 'ready' })
  const left = `incoming/${pictureId}`
  await plant(left)
  world.clock.advance(orphanAgeMs + 1_000)
  await sweepIncoming('', jobContext(world))
  expect(await isThere(left)).toBe(false)
})

describe('a picture that has lost files', () => {
  it('is drawn anew from the largest that is left, and told until then', async () => {
    const { id } = await addPicture(world, await world.person('eve'), await plainPng({ width: 1200, height: 1200 }))
    const key = (file: string) => `pictures/${id}/${file}`
    for (const file of ['1000.webp', '500.jpg', '250.webp']) await world.world.storage.remove(key(file))
    await sweep()
    expect(await missing()).toBe(1)
    for (const file of pictureFiles) {
      const { width, format } = await sharp(await world.world.storage.get(key(file))).metadata()
      expect([file, width, format]).toEqual([file, parseInt(file), file.endsWith('webp') ? 'webp' : 'jpeg'])
    }
    const headers = (await world.world.storage.head(key('1000.webp')))?.contentType
    expect(headers).toBe('image/webp')
    await sweep()
    expect(await missing()).toBe(0)
  })

  it('is as large as what is left of it', async () => {
    const { id } = await addPicture(world, await world.person('fay'), await plainPng({ width: 1200, height: 1200 }))
    for (const file of pictureFiles.filter(file => file !== '250.jpg'))
      await world.world.storage.remove(`pictures/${id}/${file}`)
    await sweep()
    expect(await storedOf(world, id)).toHaveLength(6)
    expect((await sharp(await world.world.storage.get(`pictures/${id}/1000.webp`)).metadata()).width).toBe(250)
  })

  it('is told of, and stays as it is, when nothing is left', async () => {
    const cay = await world.person('cay')
    const { id } = await addPicture(world, cay, png)
    await world.world.storage.removeUnder(`pictures/${id}/`)
    for (let times = 0; times < 2; times += 1) {
      await sweep()
      expect(await missing()).toBe(1)
    }
    expect(await storedOf(world, id)).toEqual([])
    await cay.call(removeAvatar, {})
    await sweep()
    expect(await missing()).toBe(0)
  })

  it('gets nothing when it is taken away meanwhile', async () => {
    const dee = await world.person('dee')
    const { id } = await addPicture(world, dee, png)
    await world.world.storage.remove(`pictures/${id}/500.webp`)
    await Promise.all([repairPicture.run({ pictureId: id }, jobContext(world)), dee.call(removeAvatar, {})])
    await world.work()
    expect(await storedOf(world, id)).toEqual([])
    await repairPicture.run({ pictureId: id }, jobContext(world))
    expect(await storedOf(world, id)).toEqual([])
  })
})
