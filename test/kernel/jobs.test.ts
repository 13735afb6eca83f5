import { randomUUID } from 'node:crypto'
import { Logger, runOnce } from 'graphile-worker'
import { toRefusal } from '../../kernel/pipeline/errors'
import { newId } from '../../kernel/pipeline/new-id'
import { type JobOptions } from '../../kernel/events/job-spec'
import { transact } from '../../kernel/pipeline/transact'
import { startJobWorker, createTaskList } from '../../server/job-worker'
import { readLoggedData } from '../emit-numbers'
import { copyNote, failureSwitches, notesRegistry, notesTable } from './notes'
import { type TestKernel, createTestKernel } from './test-kernel'
import { waitUntil } from './wait-until'

let kernel: TestKernel
beforeEach(async () => {
  kernel = await createTestKernel({ registry: notesRegistry, tables: notesTable })
})
afterEach(async () => {
  failureSwitches.copyFails = 0
  await kernel[Symbol.asyncDispose]()
})

const noLog = new Logger(() => () => undefined)
const newCall = () => ({ app: kernel.app, registry: notesRegistry, actor: null, requestId: randomUUID() })

/** Runs due jobs like a worker; makes failed jobs due at once. */
async function runDueJobs(): Promise<void> {
  await kernel.sql('update graphile_worker._private_jobs set run_at = now()')
  const taskList = createTaskList(kernel.app, notesRegistry, new AbortController().signal)
  await runOnce({ connectionString: kernel.url, taskList, noHandleSignals: true, logger: noLog })
}

async function noteToCopy(options?: JobOptions): Promise<string> {
  const id = newId(new Date())
  await kernel.sql(`insert into notes values (:id, :id, 'x')`, { id })
  await transact(newCall(), ({ enqueue }) => enqueue(copyNote, { id }, options))
  return id
}

const echoes = () => kernel.sql<{ note: string }>('select note from echoes')
const jobs = () =>
  kernel.sql<{ attempts: number; last_error: string | null }>('select attempts, last_error from graphile_worker.jobs')
const events = () => readLoggedData<{ id: string }>(kernel.app, `data->>'body' = 'copied'`)

describe('a job', () => {
  it('exists if its transaction commits, and only then', async () => {
    const failing = transact(newCall(), async ({ enqueue }) => {
      await enqueue(copyNote, { id: newId(new Date()) })
      throw new Error('undone')
    })
    await expect(failing).rejects.toThrow('undone')
    expect(await jobs()).toEqual([])
    const id = await noteToCopy()
    expect(await jobs()).toHaveLength(1)
    await runDueJobs()
    expect(await echoes()).toEqual([{ note: id }])
    expect(await jobs()).toEqual([])
    expect(await events()).toHaveLength(1)
  })

  it('is retried after a failure, until its last attempt', async () => {
    failureSwitches.copyFails = 1
    const id = await noteToCopy()
    await runDueJobs()
    expect(await jobs()).toEqual([{ attempts: 1, last_error: expect.stringContaining('out of paper') as unknown }])
    expect(await echoes()).toEqual([])
    await runDueJobs()
    expect(await echoes()).toEqual([{ note: id }])

    failureSwitches.copyFails = 99
    await noteToCopy()
    for (let attempt = 0; attempt < 5; attempt += 1) await runDueJobs()
    expect(await jobs()).toMatchObject([{ attempts: 3 }])
    const { values } = await kernel.app.metrics.jobs.get()
    expect(values.map(({ labels, value }) => [labels.outcome, value])).toEqual(
      expect.arrayContaining([
        ['failed', 4],
        ['done', 1],
      ]),
    )
  })

  it('replaces a pending job with the same key, and waits until `runAt`', async () => {
    await noteToCopy({ key: 'k', runAt: new Date(Date.now() + 3_600_000) })
    await noteToCopy({ key: 'k', runAt: new Date(Date.now() + 3_600_000) })
    expect(await jobs()).toHaveLength(1)
    const taskList = createTaskList(kernel.app, notesRegistry, new AbortController().signal)
    await runOnce({ connectionString: kernel.url, taskList, noHandleSignals: true, logger: noLog })
    expect(await jobs()).toHaveLength(1)
  })

  it('of low priority runs after all others, in the order enqueued', async () => {
    const ids = Array.from({ length: 4 }, () => newId(new Date()))
    for (const [index, id] of ids.entries()) {
      await kernel.sql(`insert into notes values (:id, :id, 'x')`, { id })
      await transact(newCall(), ({ enqueue }) =>
        enqueue({ ...copyNote, ...(index < 2 && { isLowPriority: true }) }, { id }),
      )
    }
    expect(await kernel.app.jobs.countPending(copyNote, 3)).toBe(3)
    const taskList = createTaskList(kernel.app, notesRegistry, new AbortController().signal)
    await runOnce({ connectionString: kernel.url, taskList, concurrency: 1, noHandleSignals: true, logger: noLog })
    const done = await events()
    expect(done.map(({ id }) => id)).toEqual([...ids.slice(2), ...ids.slice(0, 2)])
    expect(await kernel.app.jobs.countPending(copyNote, 3)).toBe(0)
  })

  it('of the background runs after all others, unless it is enqueued again normally', async () => {
    const ids = Array.from({ length: 4 }, () => newId(new Date()))
    const [first = '', second = ''] = ids
    const enqueueCopy = (id: string, options?: JobOptions) =>
      transact(newCall(), ({ enqueue }) =>
        enqueue({ ...copyNote, isLowPriority: true }, { id }, { key: id, ...options }),
      )
    for (const id of ids) await kernel.sql(`insert into notes values (:id, :id, 'x')`, { id })
    for (const id of [first, second]) await enqueueCopy(id, { isBackground: true })
    for (const id of ids.slice(2)) await enqueueCopy(id)
    await enqueueCopy(second)
    const taskList = createTaskList(kernel.app, notesRegistry, new AbortController().signal)
    await runOnce({ connectionString: kernel.url, taskList, concurrency: 1, noHandleSignals: true, logger: noLog })
    const done = await events()
    expect(done.map(({ id }) => id).indexOf(first)).toBe(3)
    expect(new Set(done.map(({ id }) => id))).toEqual(new Set(ids))
  })

  it('started by cron does not receive the fields that the queue adds to its payload', async () => {
    const id = newId(new Date())
    await kernel.sql(`insert into notes values (:id, :id, 'x')`, { id })
    const payload = JSON.stringify({ id, _cron: { ts: new Date().toISOString(), backfilled: false } })
    await kernel.sql(`select graphile_worker.add_job('notes.copyNote', cast(:payload as json))`, { payload })
    await runDueJobs()
    expect(await echoes()).toEqual([{ note: id }])
  })

  it('is rejected when enqueued if its payload does not match the schema', async () => {
    const error: unknown = await transact(newCall(), ({ enqueue }) => enqueue(copyNote, { id: 'x' })).catch(
      (thrown: unknown) => thrown,
    )
    expect(toRefusal(error).kind.code).toBe('invalid_input')
  })

  it('is run by a worker promptly, with any payload', async () => {
    await using worker = await startJobWorker(kernel.app, notesRegistry)
    const ids = [await noteToCopy(), await noteToCopy()]
    await waitUntil(async () => (await echoes()).length === 2)
    expect((await echoes()).map(({ note }) => note).sort()).toEqual(ids.sort())
    expect(worker).toHaveProperty('ended')
  })

  it('of a killed worker is taken over, and that of a live worker is not', async () => {
    const workers = () => kernel.sql<{ id: string }>('select id from workers order by id')
    const lock = (by: string) =>
      kernel.sql(
        `update graphile_worker._private_jobs set locked_by = :by, locked_at = now(), attempts = 1 where locked_by is null`,
        { by },
      )
    await noteToCopy()
    await lock('dead')
    await noteToCopy()
    await lock('busy')
    for (const id of ['dead', 'busy']) await kernel.app.jobs.heartbeat(id)
    await kernel.app.jobs.releaseDeadWorkers()
    expect(await workers()).toEqual([{ id: 'busy' }, { id: 'dead' }])
    await kernel.sql(`update workers set heartbeat_at = now() - interval '2 minutes' where id = 'dead'`)
    await Promise.all([1, 2, 3].map(() => kernel.app.jobs.releaseDeadWorkers()))
    expect(await workers()).toEqual([{ id: 'busy' }])
    await runDueJobs()
    expect(await echoes()).toHaveLength(1)
    expect(await jobs()).toHaveLength(1)
  })
})

it('a worker registers itself, and deregisters when it ends', async () => {
  const workers = () => kernel.sql<{ id: string }>('select id from workers')
  const worker = await startJobWorker(kernel.app, notesRegistry)
  await waitUntil(async () => (await workers()).length === 1)
  await worker[Symbol.asyncDispose]()
  expect(await workers()).toEqual([])
})
