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

/** Real workers, killed with SIGKILL at every step of a picture: another one finishes it, and nothing is left of the first. */
let testApp: TestApp
let store: PausableStore
let variables: Record<string, string>
let ann: Person
let heard: EventRecorder
let png: Buffer
let worker: NodeProcess
let next: Promise<NodeProcess>
let killed: number
jest.setTimeout(60_000)
beforeAll(async () => {
  store = await startPausableStore()
  testApp = await createTestApp({ nodes: 1 })
  ann = await testApp.signIn('ann')
  heard = await ann.recordEvents(`user:${ann.id}`)
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

/** A worker that waits for work, and a picture that was sent; it is not finalized yet. */
async function sent(bytes = png): Promise<string> {
  worker = await next
  return (await sendPicture(ann, bytes)).pictureId
}

const finalize = (pictureId: string) => ann.call(finalizePicture, { pictureId })

/** Kills the worker; the next one begins to come up. */
async function kill(): Promise<void> {
  killed = worker.pid
  worker.signal('SIGKILL')
  await worker.exited
  await sql(`update workers set heartbeat_at = now() - interval '2 minutes' returning id`)
  next = startNodeProcess(variables)
}

/** As if a minute had passed: what the dead worker had in hand is done by whichever worker is there. */
async function takeOver(isDone: () => Promise<boolean>): Promise<void> {
  await testApp.app.jobs.releaseDeadWorkers()
  await testApp.runJobs()
  await waitUntil(isDone)
}

async function endedWell(pictureId: string): Promise<void> {
  await takeOver(async () => (await Picture.findByPk(pictureId))?.state === 'ready')
  expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'ready', error: null })
  expect((await ann.call(getMe, {})).avatar?.id).toBe(pictureId)
  const keys = pictureFiles.map(file => `pictures/${pictureId}/${file}`)
  await waitUntil(async () => String(await storedKeys(testApp, pictureId)) === String(keys))
  await heard.waitForAll(testApp.app)
  expect(statesOf(pictureId)).toEqual(['initiated', 'uploaded', 'ready'])
  await leftNothing()
}

async function leftNothing(): Promise<void> {
  expect((await readdir(tmpdir())).filter(name => name.startsWith(`tutti-work-${killed}-`))).toEqual([])
  const stuck = await sql(`select task_identifier, attempts from graphile_worker.jobs where locked_at is not null`)
  expect(stuck).toEqual([])
}

const statesOf = (pictureId: string): string[] =>
  heard.events.flatMap(({ name, data }) => {
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

/** Runs `during` while a row is held that the worker needs next. */
const whileHeld = (row: string, values: Record<string, unknown>, during: () => Promise<void>) =>
  testApp.app.db.transaction(async () => {
    await sql(`${row} for update`, values)
    await during()
  })

describe('a picture whose worker is killed', () => {
  // What is asked of the store, and whether it is done before the answer is held back.
  it.each([
    ['fetching', /^GET \S*\/incoming\//, false],
    ['storing the first file', /^PUT \S*\/pictures\/\S+\/1000\.webp/, false],
    ['storing the last file', /^PUT \S*\/pictures\/\S+\/250\.jpg/, true],
  ] as const)('while %s', async (_step, request, isDone) => {
    const pictureId = await sent()
    const held = store.holdRequest(request, isDone)
    await finalize(pictureId)
    await held
    await kill()
    await endedWell(pictureId)
  })

  it('while drawing, and the process that draws with it', async () => {
    if (process.platform !== 'linux') return
    const pictureId = await sent(await heaviestPng())
    await finalize(pictureId)
    const drawing = await stopRenderingProcess(worker.pid)
    expect(await isRunning(drawing)).toBe(true)
    await kill()
    await waitUntil(async () => !(await isRunning(drawing)))
    await endedWell(pictureId)
  })

  it('right before it is shown', async () => {
    const pictureId = await sent()
    const held = store.holdRequest(/^PUT \S*\/pictures\/\S+\/250\.jpg/, true)
    await finalize(pictureId)
    await held
    await whileHeld('select id from profiles where id = :id', { id: ann.id }, async () => {
      store.release()
      await waitsForLock()
      await kill()
    })
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'uploaded' })
    await endedWell(pictureId)
  })

  it('right after it is shown, and before its job has ended', async () => {
    const pictureId = await sent()
    const held = store.holdRequest(/^PUT \S*\/pictures\/\S+\/250\.jpg/, true)
    await finalize(pictureId)
    await held
    const job = `select id from graphile_worker._private_jobs where key = 'picture:' || :pictureId`
    await whileHeld(job, { pictureId }, async () => {
      store.release()
      await waitUntil(() => statesOf(pictureId).includes('ready'))
      await kill()
    })
    await endedWell(pictureId)
  })

  it('while it is repaired, and while it is removed', async () => {
    const pictureId = await sent()
    await finalize(pictureId)
    await waitUntil(() => statesOf(pictureId).includes('ready'))
    await waitUntil(async () => (await storedKeys(testApp, pictureId)).length === pictureFiles.length)
    await testApp.app.storage.delete(`pictures/${pictureId}/500.webp`)
    const storing = store.holdRequest(/^PUT \S*\/pictures\/\S+\/500\.webp/, false)
    await transactAsJob(testApp, ({ enqueue }) => enqueue(repairPicture, { pictureId }))
    await storing
    await kill()
    await takeOver(async () => (await storedKeys(testApp, pictureId)).length === pictureFiles.length)
    await leftNothing()

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
    await leftNothing()
  })
})
