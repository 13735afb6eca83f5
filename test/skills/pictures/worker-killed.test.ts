import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { Picture } from '../../../models'
import { finalizePicture } from '../../../skills/pictures/finalize-picture'
import { getPicture } from '../../../skills/pictures/get-picture'
import { removeAvatar } from '../../../skills/pictures/remove-avatar'
import { repairPicture } from '../../../skills/pictures/repair-picture'
import { pictureFiles } from '../../../media/pictures/picture-files'
import { getMe } from '../../../skills/user-profile/get-me'
import { waitUntil } from '../../kernel/wait-until'
import { type EventRecorder, type Person } from '../../person'
import { heaviestPng, plainPng } from '../../make-pictures'
import { type NodeProcess, startNodeProcess } from '../../server/start-node-process'
import { createTestApp, type TestApp } from '../../test-app'
import { type PausableStore, startPausableStore } from '../music-upload/pausable-store'
import { isRunning, stopRenderingProcess } from '../../media/pictures/rendering-process'
import { sendPicture, storedKeys, transactAsJob } from './add-picture'

/** Kills real workers with SIGKILL at every step of a picture: another finishes it, and the first leaves nothing behind. */
let testApp: TestApp
let store: PausableStore
let variables: Record<string, string>
let ann: Person
let recorder: EventRecorder
let png: Buffer
let worker: NodeProcess
let next: Promise<NodeProcess>
let killedPid: number
jest.setTimeout(60_000)
beforeAll(async () => {
  store = await startPausableStore()
  testApp = await createTestApp({ nodes: 1 })
  ann = await testApp.signIn('ann')
  recorder = await ann.recordEvents(`user:${ann.id}`)
  png = await plainPng()
  variables = { ...testApp.variables, ROLES: 'worker', S3_ENDPOINT: store.endpoint }
  next = startNodeProcess(variables)
}, 60_000)
afterAll(async () => {
  await (await next)[Symbol.asyncDispose]()
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const sql = (text: string, values: Record<string, unknown> = {}) =>
  testApp.app.db.query<Record<string, unknown>>(text, values)

/** Waits for an idle worker and sends a picture without finalizing it. */
async function sendToWorker(bytes = png): Promise<string> {
  worker = await next
  return (await sendPicture(ann, bytes)).pictureId
}

const finalize = (pictureId: string) => ann.call(finalizePicture, { pictureId })

/** Kills the worker and starts the next one. */
async function kill(): Promise<void> {
  killedPid = worker.pid
  worker.signal('SIGKILL')
  await worker.exited
  await sql(`update workers set heartbeat_at = now() - interval '2 minutes' returning id`)
  next = startNodeProcess(variables)
}

/** As if a minute had passed: any worker takes over the jobs of the dead one. */
async function takeOver(isDone: () => Promise<boolean>): Promise<void> {
  await testApp.app.jobs.releaseDeadWorkers()
  await testApp.runJobs()
  await waitUntil(isDone)
}

async function expectReady(pictureId: string): Promise<void> {
  await takeOver(async () => (await Picture.findByPk(pictureId))?.state === 'ready')
  expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'ready', error: null })
  expect((await ann.call(getMe, {})).avatar?.id).toBe(pictureId)
  const keys = pictureFiles.map(file => `pictures/${pictureId}/${file}`)
  await waitUntil(async () => String(await storedKeys(testApp, pictureId)) === String(keys))
  await recorder.waitForAll(testApp.app)
  expect(statesOf(pictureId)).toEqual(['initiated', 'uploaded', 'ready'])
  await expectNothingLeft()
}

async function expectNothingLeft(): Promise<void> {
  expect((await readdir(tmpdir())).filter(name => name.startsWith(`tutti-work-${killedPid}-`))).toEqual([])
  const stuck = await sql(`select task_identifier, attempts from graphile_worker.jobs where locked_at is not null`)
  expect(stuck).toEqual([])
}

const statesOf = (pictureId: string): string[] =>
  recorder.events.flatMap(({ name, data }) => {
    const picture = data.picture as { id: string; state: string } | undefined
    return name === 'pictures.pictureChanged' && picture?.id === pictureId ? [picture.state] : []
  })

const waitsForLock = () =>
  waitUntil(async () => {
    const [row] = await sql(
      `select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    )
    return Number(row?.n) > 0
  })

/** Runs `during` while it locks a row that the worker needs next. */
const whileRowLocked = (row: string, values: Record<string, unknown>, during: () => Promise<void>) =>
  testApp.app.db.transaction(async () => {
    await sql(`${row} for update`, values)
    await during()
  })

describe('a picture whose worker is killed', () => {
  // The request to the store, and whether it is executed before its response is held back.
  it.each([
    ['fetching', /^GET \S*\/incoming\//, false],
    ['storing the first file', /^PUT \S*\/pictures\/\S+\/1000\.webp/, false],
    ['storing the last file', /^PUT \S*\/pictures\/\S+\/250\.jpg/, true],
  ] as const)('while %s', async (_step, request, isDone) => {
    const pictureId = await sendToWorker()
    const requestHeld = store.holdRequest(request, isDone)
    await finalize(pictureId)
    await requestHeld
    await kill()
    await expectReady(pictureId)
  })

  it('while rendering, with its rendering process', async () => {
    if (process.platform !== 'linux') return
    const pictureId = await sendToWorker(await heaviestPng())
    await finalize(pictureId)
    const renderPid = await stopRenderingProcess(worker.pid)
    expect(await isRunning(renderPid)).toBe(true)
    await kill()
    await waitUntil(async () => !(await isRunning(renderPid)))
    await expectReady(pictureId)
  })

  it('right before it is shown', async () => {
    const pictureId = await sendToWorker()
    const requestHeld = store.holdRequest(/^PUT \S*\/pictures\/\S+\/250\.jpg/, true)
    await finalize(pictureId)
    await requestHeld
    await whileRowLocked('select id from profiles where id = :id', { id: ann.id }, async () => {
      store.release()
      await waitsForLock()
      await kill()
    })
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'uploaded' })
    await expectReady(pictureId)
  })

  it('right after it is shown, and before its job has ended', async () => {
    const pictureId = await sendToWorker()
    const requestHeld = store.holdRequest(/^PUT \S*\/pictures\/\S+\/250\.jpg/, true)
    await finalize(pictureId)
    await requestHeld
    const job = `select id from graphile_worker._private_jobs where key = 'picture:' || :pictureId`
    await whileRowLocked(job, { pictureId }, async () => {
      store.release()
      await waitUntil(() => statesOf(pictureId).includes('ready'))
      await kill()
    })
    await expectReady(pictureId)
  })

  it('while it is repaired, and while it is removed', async () => {
    const pictureId = await sendToWorker()
    await finalize(pictureId)
    await waitUntil(() => statesOf(pictureId).includes('ready'))
    await waitUntil(async () => (await storedKeys(testApp, pictureId)).length === pictureFiles.length)
    await testApp.app.storage.delete(`pictures/${pictureId}/500.webp`)
    const storing = store.holdRequest(/^PUT \S*\/pictures\/\S+\/500\.webp/, false)
    await transactAsJob(testApp, ({ enqueue }) => enqueue(repairPicture, { pictureId }))
    await storing
    await kill()
    await takeOver(async () => (await storedKeys(testApp, pictureId)).length === pictureFiles.length)
    await expectNothingLeft()

    worker = await next
    const removing = store.holdRequest(/^DELETE \S*\/pictures\//, false)
    await ann.call(removeAvatar, {})
    await removing
    await kill()
    await takeOver(async () => (await storedKeys(testApp, pictureId)).length === 0)
    await waitUntil(
      async () =>
        (
          await sql(
            `select 1 from graphile_worker.jobs where task_identifier = 'kernel.deleteObjects' and run_at <= now()`,
          )
        ).length === 0,
    )
    await expectNothingLeft()
  })
})
