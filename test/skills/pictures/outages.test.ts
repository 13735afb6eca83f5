import { Picture } from '../../../models'
import { type JobContext } from '../../../kernel/events/job'
import { abortPicture } from '../../../skills/pictures/abort-picture'
import { getPicture } from '../../../skills/pictures/get-picture'
import { initiatePicture } from '../../../skills/pictures/initiate-picture'
import { getPictureFile } from '../../../skills/pictures/get-picture-file'
import { serverFailure } from '../../../skills/pictures/processing-states'
import { processPicture } from '../../../skills/pictures/process-picture'
import { removeAvatar } from '../../../skills/pictures/remove-avatar'
import { renewPicture } from '../../../skills/pictures/renew-picture'
import { pictureFiles } from '../../../media/pictures/picture-files'
import { sweepPictures } from '../../../skills/pictures/sweep-pictures'
import { getMe } from '../../../skills/user-profile/get-me'
import { heaviestPng, plainPicture, plainPng } from '../../make-pictures'
import { createTestApp, type TestApp } from '../../test-app'
import { type UnreliableStore, startUnreliableStore } from '../music-upload/unreliable-store'
import { signalStoppedProcess, stopRenderingProcess } from '../../media/pictures/rendering-process'
import { addPicture, pictureInput, submitPicture, createJobContext, storedKeys, runJobsDueWithin } from './add-picture'

/** Failures of our services are retried, and the picture is never rejected for them. */
let testApp: TestApp
let store: UnreliableStore
let png: Buffer
let large: Buffer
beforeAll(async () => {
  store = await startUnreliableStore()
  testApp = await createTestApp({ nodes: 1, variables: { S3_ENDPOINT: store.endpoint } })
  png = await plainPng()
  large = await heaviestPng()
})
afterEach(() => (store.refusedRequests = undefined))
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const onLinux = process.platform === 'linux' ? it : it.skip

it('pictures can be initiated, renewed, located, aborted and removed while the store is unavailable', async () => {
  const ann = await testApp.signIn('ann-away')
  const { id } = await addPicture(testApp, ann, png)
  store.isDown = true
  const { picture } = await ann.call(initiatePicture, pictureInput(png))
  await ann.call(renewPicture, { pictureId: picture.id })
  await ann.call(getPictureFile, { pictureId: id, file: '500.webp' }, { transport: 'socket' })
  expect(await ann.call(abortPicture, { pictureId: picture.id })).toMatchObject({ state: 'aborted' })
  await ann.call(removeAvatar, {})
  await testApp.runJobs()
  store.isDown = false
  expect(await storedKeys(testApp, id)).toHaveLength(pictureFiles.length)
  await runJobsDueWithin(testApp, 60_000)
  expect(await storedKeys(testApp, id)).toEqual([])
})

it('the format of a picture is that of its bytes, not of its declared type', async () => {
  const ann = await testApp.signIn('ann-type')
  const jpeg = await plainPicture().jpeg().toBuffer()
  const options = { contentType: 'image/gif', fileName: 'me.svg' } as const
  expect(await addPicture(testApp, ann, jpeg, options)).toMatchObject({ state: 'ready' })
})

describe('a store that fails', () => {
  it.each([
    ['while fetching', /^GET \S*\/incoming\//, 0],
    ['while storing the first file', /^PUT \S*\/pictures\/\S+\/1000\.webp/, 0],
    ['while storing the last file', /^PUT \S*\/pictures\/\S+\/250\.jpg/, 5],
  ])('%s leaves the picture waiting for the next attempt', async (step, refusedRequests, stored) => {
    const ann = await testApp.signIn(`ann-${step.length}`)
    const pictureId = await submitPicture(ann, png)
    store.refusedRequests = refusedRequests
    await testApp.runJobs()
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'uploaded', error: null })
    expect((await ann.call(getMe, {})).avatar).toBeNull()
    expect(await storedKeys(testApp, pictureId)).toHaveLength(stored + 1)
    store.refusedRequests = undefined
    await runJobsDueWithin(testApp, 60_000)
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'ready' })
    expect(await storedKeys(testApp, pictureId)).toHaveLength(pictureFiles.length)
  })

  it('while deleting is retried until all files are deleted', async () => {
    const ann = await testApp.signIn('ann-gone')
    const { id } = await addPicture(testApp, ann, png)
    store.refusedRequests = /^DELETE \S*\/pictures\/\S+\/500\.webp/
    await ann.call(removeAvatar, {})
    await testApp.runJobs()
    expect(await storedKeys(testApp, id)).not.toEqual([])
    store.refusedRequests = undefined
    await runJobsDueWithin(testApp, 60_000)
    expect(await storedKeys(testApp, id)).toEqual([])
  })

  it('while sweeping makes the sweep start again', async () => {
    store.refusedRequests = /^GET \S*prefix=pictures/
    await expect(sweepPictures.run({}, createJobContext(testApp))).rejects.toThrow()
    store.refusedRequests = undefined
    await sweepPictures.run({}, createJobContext(testApp))
    const [row] = await testApp.app.db.query<{ cursor: string }>(
      `select cursor from bucket_sweeps where area = 'pictures'`,
    )
    expect(row).toEqual({ cursor: '' })
  })
})

describe('a rendering process that', () => {
  const attempt = (pictureId: string, more: Partial<JobContext>) =>
    processPicture.run({ pictureId }, { ...createJobContext(testApp), ...more })

  /** Runs an attempt until it renders, and then sends the signal to its process. */
  async function runUntilSignal(signal: NodeJS.Signals, pictureId: string, more: Partial<JobContext>): Promise<void> {
    const running = attempt(pictureId, more)
    running.catch(() => undefined)
    signalStoppedProcess(await stopRenderingProcess(process.pid), signal)
    await running
  }

  onLinux('crashes is retried twice; then the file is rejected as damaged', async () => {
    const ann = await testApp.signIn('ann-crash')
    const pictureId = await submitPicture(ann, large)
    for (const attempt of [1, 2]) {
      await expect(runUntilSignal('SIGSEGV', pictureId, { attempt })).rejects.toThrow('crashed')
      expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'uploaded', error: null })
    }
    await runUntilSignal('SIGSEGV', pictureId, { attempt: 3 })
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'rejected', error: { code: 'damaged' } })
    await testApp.runJobs()
    expect(await storedKeys(testApp, pictureId)).toEqual([])
  })

  onLinux('is killed in every attempt fails the picture with a server error', async () => {
    const ann = await testApp.signIn('ann-killed')
    const pictureId = await submitPicture(ann, large)
    for (const attempt of [1, 7])
      await expect(runUntilSignal('SIGKILL', pictureId, { attempt })).rejects.toThrow('was killed')
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'uploaded', error: null })
    await expect(runUntilSignal('SIGKILL', pictureId, { attempt: 8, isLastAttempt: true })).rejects.toThrow(
      'was killed',
    )
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'failed', error: serverFailure })
  })

  onLinux('belongs to a stopping worker ends, and another worker starts again', async () => {
    const ann = await testApp.signIn('ann-stop')
    const pictureId = await submitPicture(ann, large)
    const stopping = new AbortController()
    const running = attempt(pictureId, { signal: stopping.signal })
    await stopRenderingProcess(process.pid)
    stopping.abort(new Error('stopping'))
    await running
    expect((await Picture.findByPk(pictureId))?.state).toBe('uploaded')
    await testApp.runJobs()
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'ready' })
  })
})
