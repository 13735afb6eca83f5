import { Picture } from '../../../models'
import { type JobContext } from '../../../kernel/job'
import { abortPicture } from '../../../skills/pictures/abort-picture'
import { getPicture } from '../../../skills/pictures/get-picture'
import { initiatePicture } from '../../../skills/pictures/initiate-picture'
import { locatePicture } from '../../../skills/pictures/locate-picture'
import { ourFault } from '../../../skills/pictures/processing'
import { processPicture } from '../../../skills/pictures/process-picture'
import { removeAvatar } from '../../../skills/pictures/remove-avatar'
import { renewPicture } from '../../../skills/pictures/renew-picture'
import { pictureFiles } from '../../../skills/pictures/rules'
import { sweepPictures } from '../../../skills/pictures/sweep-pictures'
import { getMe } from '../../../skills/user-profile/get-me'
import { heaviestPng, plain, plainPng } from '../../pictures'
import { freshWorld, type TestWorld } from '../../world'
import { type WeakStore, weakStore } from '../music-upload/weak-store'
import { endDrawing, stoppedDrawing } from './drawing-process'
import { addPicture, announcePicture, handIn, jobContext, storedOf, workAfter } from './picturing'

/** What fails on our side is tried again, and never said to be the fault of the picture. */
let world: TestWorld
let store: WeakStore
let png: Buffer
let large: Buffer
beforeAll(async () => {
  store = await weakStore()
  world = await freshWorld({ nodes: 1, variables: { S3_ENDPOINT: store.endpoint } })
  png = await plainPng()
  large = await heaviestPng()
})
afterEach(() => (store.refused = undefined))
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const onLinux = process.platform === 'linux' ? it : it.skip

it('a store that is away keeps nobody from announcing, renewing, locating, giving up and removing', async () => {
  const ann = await world.person('ann-away')
  const { id } = await addPicture(world, ann, png)
  store.isShut = true
  const { picture } = await ann.call(initiatePicture, announcePicture(png))
  await ann.call(renewPicture, { pictureId: picture.id })
  await ann.call(locatePicture, { pictureId: id, file: '500.webp' }, { door: 'socket' })
  expect(await ann.call(abortPicture, { pictureId: picture.id })).toMatchObject({ state: 'aborted' })
  await ann.call(removeAvatar, {})
  await world.work()
  store.isShut = false
  expect(await storedOf(world, id)).toHaveLength(pictureFiles.length)
  await workAfter(world, 60_000)
  expect(await storedOf(world, id)).toEqual([])
})

it('a picture is what its bytes say, whatever it was announced as', async () => {
  const ann = await world.person('ann-type')
  const jpeg = await plain().jpeg().toBuffer()
  const wish = { contentType: 'image/gif', fileName: 'me.svg' } as const
  expect(await addPicture(world, ann, jpeg, wish)).toMatchObject({ state: 'ready' })
})

describe('a store that fails in the midst', () => {
  it.each([
    ['of fetching', /^GET \S*\/incoming\//, 0],
    ['of storing the first file', /^PUT \S*\/pictures\/\S+\/1000\.webp/, 0],
    ['of storing the last file', /^PUT \S*\/pictures\/\S+\/250\.jpg/, 5],
  ])('%s leaves the picture waiting for the next attempt', async (step, refused, stored) => {
    const ann = await world.person(`ann-${step.length}`)
    const pictureId = await handIn(ann, png)
    store.refused = refused
    await world.work()
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'uploaded', fault: null })
    expect((await ann.call(getMe, {})).avatar).toBeNull()
    expect(await storedOf(world, pictureId)).toHaveLength(stored + 1)
    store.refused = undefined
    await workAfter(world, 60_000)
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'ready' })
    expect(await storedOf(world, pictureId)).toHaveLength(pictureFiles.length)
  })

  it('of removing is asked again until all is gone', async () => {
    const ann = await world.person('ann-gone')
    const { id } = await addPicture(world, ann, png)
    store.refused = /^DELETE \S*\/pictures\/\S+\/500\.webp/
    await ann.call(removeAvatar, {})
    await world.work()
    expect(await storedOf(world, id)).not.toEqual([])
    store.refused = undefined
    await workAfter(world, 60_000)
    expect(await storedOf(world, id)).toEqual([])
  })

  it('of a sweep has it begin anew', async () => {
    store.refused = /^GET \S*prefix=pictures/
    await expect(sweepPictures.run({}, jobContext(world))).rejects.toThrow()
    store.refused = undefined
    await sweepPictures.run({}, jobContext(world))
    const [row] = await world.world.db.query<{ place: string }>(
      `select place from bucket_sweeps where area = 'pictures'`,
    )
    expect(row).toEqual({ place: '' })
  })
})

describe('a process that draws and', () => {
  const attempt = (pictureId: string, more: Partial<JobContext>) =>
    processPicture.run({ pictureId }, { ...jobContext(world), ...more })

  /** Lets an attempt begin to draw, and ends it from outside. */
  async function endedBy(signal: NodeJS.Signals, pictureId: string, more: Partial<JobContext>): Promise<void> {
    const ended = attempt(pictureId, more)
    ended.catch(() => undefined)
    endDrawing(await stoppedDrawing(process.pid), signal)
    await ended
  }

  onLinux('crashes is given two more chances; after that the file is at fault', async () => {
    const ann = await world.person('ann-crash')
    const pictureId = await handIn(ann, large)
    for (const attempt of [1, 2]) {
      await expect(endedBy('SIGSEGV', pictureId, { attempt })).rejects.toThrow('crashed')
      expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'uploaded', fault: null })
    }
    await endedBy('SIGSEGV', pictureId, { attempt: 3 })
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'rejected', fault: { code: 'damaged' } })
    await world.work()
    expect(await storedOf(world, pictureId)).toEqual([])
  })

  onLinux('is killed every time ends with words that blame nobody but us', async () => {
    const ann = await world.person('ann-killed')
    const pictureId = await handIn(ann, large)
    for (const attempt of [1, 7]) await expect(endedBy('SIGKILL', pictureId, { attempt })).rejects.toThrow('was killed')
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'uploaded', fault: null })
    await expect(endedBy('SIGKILL', pictureId, { attempt: 8, isLastAttempt: true })).rejects.toThrow('was killed')
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'failed', fault: ourFault })
  })

  onLinux('belongs to a worker that is told to stop ends, and another one begins anew', async () => {
    const ann = await world.person('ann-stop')
    const pictureId = await handIn(ann, large)
    const stopping = new AbortController()
    const ended = attempt(pictureId, { signal: stopping.signal })
    await stoppedDrawing(process.pid)
    stopping.abort(new Error('told to stop'))
    await ended
    expect((await Picture.findByPk(pictureId))?.state).toBe('uploaded')
    await world.work()
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'ready' })
  })
})
