import { randomUUID } from 'node:crypto'
import sharp from 'sharp'
import { orphanAgeMs } from '../../../kernel/sweep'
import { getPicture } from '../../../skills/pictures/get-picture'
import { removeAvatar } from '../../../skills/pictures/remove-avatar'
import { sweepPictures } from '../../../skills/pictures/sweep-pictures'
import { ownBucket } from '../../own-bucket'
import { freshWorld, type TestWorld } from '../../world'
import { addPicture, handIn, storedOf } from './picturing'

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

it('reports pictures whose files are lost', async () => {
  const lost = await addPicture(world, await world.person('eve'), png)
  await world.world.storage.removeUnder(`pictures/${lost.id}/`)
  await sweep()
  expect(await missing()).toBe(1)
})
