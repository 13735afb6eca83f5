import { randomUUID } from 'node:crypto'
import { Logger, runOnce } from 'graphile-worker'
import { toRefusal } from '../../kernel/faults'
import { newId } from '../../kernel/ids'
import { type JobOptions } from '../../kernel/job'
import { transact } from '../../kernel/transact'
import { startWorker, tasksOf } from '../../server/worker'
import { logged } from '../announce'
import { copyNote, hooks, notesProduct, notesTable } from './notes'
import { type OwnWorld, ownWorld } from './own-world'
import { until } from './until'

let own: OwnWorld
beforeEach(async () => {
  own = await ownWorld({ product: notesProduct, tables: notesTable })
})
afterEach(async () => {
  hooks.copyFails = 0
  await own[Symbol.asyncDispose]()
})

const quiet = new Logger(() => () => undefined)
const asked = () => ({ world: own.world, product: notesProduct, actor: null, requestId: randomUUID() })

/** Does what is due, as a worker would; a job that failed is made due again at once. */
async function work(): Promise<void> {
  await own.sql('update graphile_worker._private_jobs set run_at = now()')
  const taskList = tasksOf(own.world, notesProduct, new AbortController().signal)
  await runOnce({ connectionString: own.url, taskList, noHandleSignals: true, logger: quiet })
}

async function noteToCopy(options?: JobOptions): Promise<string> {
  const id = newId(new Date())
  await own.sql(`insert into notes values (:id, :id, 'x')`, { id })
  await transact(asked(), ({ enqueue }) => enqueue(copyNote, { id }, options))
  return id
}

const echoes = () => own.sql<{ note: string }>('select note from echoes')
const jobs = () =>
  own.sql<{ attempts: number; last_error: string | null }>('select attempts, last_error from graphile_worker.jobs')
const events = () => logged<{ id: string }>(own.world, `data->>'body' = 'copied'`)

describe('a job', () => {
  it('is there when its transaction commits, and not when it does not', async () => {
    const failing = transact(asked(), async ({ enqueue }) => {
      await enqueue(copyNote, { id: newId(new Date()) })
      throw new Error('undone')
    })
    await expect(failing).rejects.toThrow('undone')
    expect(await jobs()).toEqual([])
    const id = await noteToCopy()
    expect(await jobs()).toHaveLength(1)
    await work()
    expect(await echoes()).toEqual([{ note: id }])
    expect(await jobs()).toEqual([])
    expect(await events()).toHaveLength(1)
  })

  it('is tried again after a failure, and given up after its last attempt', async () => {
    hooks.copyFails = 1
    const id = await noteToCopy()
    await work()
    expect(await jobs()).toEqual([{ attempts: 1, last_error: expect.stringContaining('out of paper') as unknown }])
    expect(await echoes()).toEqual([])
    await work()
    expect(await echoes()).toEqual([{ note: id }])

    hooks.copyFails = 99
    await noteToCopy()
    for (let tries = 0; tries < 5; tries += 1) await work()
    expect(await jobs()).toMatchObject([{ attempts: 3 }])
    const { values } = await own.world.metrics.jobs.get()
    expect(values.map(({ labels, value }) => [labels.outcome, value])).toEqual(
      expect.arrayContaining([
        ['failed', 4],
        ['done', 1],
      ]),
    )
  })

  it('replaces a waiting one of the same key, and waits for its time', async () => {
    await noteToCopy({ key: 'k', runAt: new Date(Date.now() + 3_600_000) })
    await noteToCopy({ key: 'k', runAt: new Date(Date.now() + 3_600_000) })
    expect(await jobs()).toHaveLength(1)
    const taskList = tasksOf(own.world, notesProduct, new AbortController().signal)
    await runOnce({ connectionString: own.url, taskList, noHandleSignals: true, logger: quiet })
    expect(await jobs()).toHaveLength(1)
  })

  it('that yields is done when no other waits, in the order in which it was asked for', async () => {
    const ids = Array.from({ length: 4 }, () => newId(new Date()))
    for (const [index, id] of ids.entries()) {
      await own.sql(`insert into notes values (:id, :id, 'x')`, { id })
      await transact(asked(), ({ enqueue }) => enqueue({ ...copyNote, ...(index < 2 && { yields: true }) }, { id }))
    }
    expect(await own.world.jobs.countAlive(copyNote, 3)).toBe(3)
    const taskList = tasksOf(own.world, notesProduct, new AbortController().signal)
    await runOnce({ connectionString: own.url, taskList, concurrency: 1, noHandleSignals: true, logger: quiet })
    const done = await events()
    expect(done.map(({ id }) => id)).toEqual([...ids.slice(2), ...ids.slice(0, 2)])
    expect(await own.world.jobs.countAlive(copyNote, 3)).toBe(0)
  })

  it('that nobody asked for is done behind all others, unless somebody asks for it after all', async () => {
    const ids = Array.from({ length: 4 }, () => newId(new Date()))
    const [first = '', second = ''] = ids
    const ask = (id: string, options?: JobOptions) =>
      transact(asked(), ({ enqueue }) => enqueue({ ...copyNote, yields: true }, { id }, { key: id, ...options }))
    for (const id of ids) await own.sql(`insert into notes values (:id, :id, 'x')`, { id })
    for (const id of [first, second]) await ask(id, { isUnasked: true })
    for (const id of ids.slice(2)) await ask(id)
    await ask(second)
    const taskList = tasksOf(own.world, notesProduct, new AbortController().signal)
    await runOnce({ connectionString: own.url, taskList, concurrency: 1, noHandleSignals: true, logger: quiet })
    const done = await events()
    expect(done.map(({ id }) => id).indexOf(first)).toBe(3)
    expect(new Set(done.map(({ id }) => id))).toEqual(new Set(ids))
  })

  it('that ran by the clock does not see what the queue adds to its payload', async () => {
    const id = newId(new Date())
    await own.sql(`insert into notes values (:id, :id, 'x')`, { id })
    const payload = JSON.stringify({ id, _cron: { ts: new Date().toISOString(), backfilled: false } })
    await own.sql(`select graphile_worker.add_job('notes.copyNote', cast(:payload as json))`, { payload })
    await work()
    expect(await echoes()).toEqual([{ note: id }])
  })

  it('is refused where it is asked for when its payload is not as declared', async () => {
    const error: unknown = await transact(asked(), ({ enqueue }) => enqueue(copyNote, { id: 'x' })).catch(
      (thrown: unknown) => thrown,
    )
    expect(toRefusal(error).kind.code).toBe('invalid_input')
  })

  it('is done by a worker within moments, whatever is in its payload', async () => {
    await using worker = await startWorker(own.world, notesProduct)
    const ids = [await noteToCopy(), await noteToCopy()]
    await until(async () => (await echoes()).length === 2)
    expect((await echoes()).map(({ note }) => note).sort()).toEqual(ids.sort())
    expect(worker).toHaveProperty('ended')
  })

  it('of a worker that was killed is done by another, and of one that lives left to it', async () => {
    const workers = () => own.sql<{ id: string }>('select id from workers order by id')
    const lock = (by: string) =>
      own.sql(
        `update graphile_worker._private_jobs set locked_by = :by, locked_at = now(), attempts = 1 where locked_by is null`,
        { by },
      )
    await noteToCopy()
    await lock('dead')
    await noteToCopy()
    await lock('busy')
    for (const id of ['dead', 'busy']) await own.world.jobs.workerLives(id)
    await own.world.jobs.releaseDeadWorkers()
    expect(await workers()).toEqual([{ id: 'busy' }, { id: 'dead' }])
    await own.sql(`update workers set seen_at = now() - interval '2 minutes' where id = 'dead'`)
    await Promise.all([1, 2, 3].map(() => own.world.jobs.releaseDeadWorkers()))
    expect(await workers()).toEqual([{ id: 'busy' }])
    await work()
    expect(await echoes()).toHaveLength(1)
    expect(await jobs()).toHaveLength(1)
  })
})

it('a worker says that it lives, and that it has ended', async () => {
  const workers = () => own.sql<{ id: string }>('select id from workers')
  const worker = await startWorker(own.world, notesProduct)
  await until(async () => (await workers()).length === 1)
  await worker[Symbol.asyncDispose]()
  expect(await workers()).toEqual([])
})
