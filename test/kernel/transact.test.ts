import { randomUUID } from 'node:crypto'
import { sqlState } from '../../kernel/pipeline/errors'
import { refusals } from '../../kernel/pipeline/refusals'
import { transact } from '../../kernel/pipeline/transact'
import { readLoggedData } from '../emit-numbers'
import {
  addNote,
  failureSwitches,
  noteAdded,
  notesRegistry,
  notesTable,
  readThatWrites,
  clearNotes,
  invalidOutput,
} from './notes'
import { type TestKernel, createTestKernel, createActor } from './test-kernel'

let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({ registry: notesRegistry, tables: notesTable })
})
afterAll(() => kernel[Symbol.asyncDispose]())
afterEach(() => {
  failureSwitches.reactionFails = false
  failureSwitches.duringAdd = async () => undefined
})

const newCall = () => ({ app: kernel.app, registry: notesRegistry, actor: null, requestId: randomUUID() })
const rowsOf = async (owner: string) => ({
  notes: (await kernel.sql('select id from notes where owner = :owner', { owner })).length,
  echoes: (await kernel.sql('select note from echoes join notes on id = note where owner = :owner', { owner })).length,
  events: (await readLoggedData(kernel.app, `data->>'owner' = :owner`, { owner })).length,
})

describe('a transaction', () => {
  it('commits rows, reactions, events and jobs together', async () => {
    const actor = createActor()
    const jobs = await jobCount()
    await kernel.call(addNote, { body: 'a' }, { actor })
    expect(await rowsOf(actor.id)).toEqual({ notes: 1, echoes: 1, events: 1 })
    expect(await jobCount()).toBe(jobs + 1)
  })

  it.each(['refuse', 'break'])('leaves no row, reaction, event or job if it ends with "%s"', async body => {
    const actor = createActor()
    const jobs = await jobCount()
    await kernel.expectProblem(addNote, { body }, { actor })
    expect(await rowsOf(actor.id)).toEqual({ notes: 0, echoes: 0, events: 0 })
    expect(await jobCount()).toBe(jobs)
  })

  it('is rolled back if a reaction refuses', async () => {
    const actor = createActor()
    failureSwitches.reactionFails = true
    expect(await kernel.expectProblem(addNote, { body: 'a' }, { actor })).toMatchObject({
      code: 'conflict',
      detail: 'no echo',
    })
    expect(await rowsOf(actor.id)).toEqual({ notes: 0, echoes: 0, events: 0 })
  })

  it('shows nothing to others before it commits', async () => {
    const actor = createActor()
    let seen: unknown
    failureSwitches.duringAdd = async () => {
      seen = await kernel.app.db.readCommitted({
        name: 'count-notes',
        text: 'select id from notes where owner = $1',
        values: [actor.id],
      })
    }
    await kernel.call(addNote, { body: 'a' }, { actor })
    expect(seen).toEqual([])
  })

  it('is isolated from concurrent ones', async () => {
    const people = Array.from({ length: 12 }, () => createActor())
    // All are open concurrently; every other one is rolled back.
    const calls = people.map((actor, index) =>
      index % 2 === 0
        ? kernel.call(addNote, { body: 'keep' }, { actor })
        : kernel.expectProblem(addNote, { body: 'break' }, { actor }),
    )
    await Promise.all(calls)
    for (const [index, { id }] of people.entries())
      expect(await rowsOf(id)).toMatchObject(index % 2 === 0 ? { notes: 1, events: 1 } : { notes: 0, events: 0 })
  })

  it('rejects an event whose payload does not match the schema', async () => {
    const wrong = transact(newCall(), ({ emit }) => emit(noteAdded, { id: 'no id', owner: 'x', body: '' }))
    await expect(wrong).rejects.toMatchObject({ kind: refusals.invalidInput })
  })
})

describe('a deadlock', () => {
  it('is resolved by retrying the whole transaction', async () => {
    const [a, b] = [createActor().id, createActor().id]
    for (const id of [a, b]) await kernel.sql('insert into notes values (:id, :id, :id)', { id })
    let lockedCount = 0
    let releaseBoth: () => void = () => undefined
    const bothLocked = new Promise<void>(resolve => (releaseBoth = resolve))
    let attempts = 0
    const touch = (id: string) => kernel.sql(`update notes set rev = rev + 1 where id = :id`, { id })
    const updateInOrder = (first: string, second: string) =>
      transact(newCall(), async () => {
        attempts += 1
        await touch(first)
        lockedCount += 1
        if (lockedCount === 2) releaseBoth()
        await bothLocked
        await touch(second)
      })
    await Promise.all([updateInOrder(a, b), updateInOrder(b, a)])
    expect(attempts).toBe(3)
    expect(await kernel.sql('select rev from notes where id in (:ids)', { ids: [a, b] })).toEqual([
      { rev: 3 },
      { rev: 3 },
    ])
  })

  it.each(['40P01', '40001'])('or a %s that persists is reported as unavailable after some attempts', async state => {
    let attempts = 0
    const failing = transact(newCall(), async () => {
      attempts += 1
      await kernel.sql(`do $$ begin raise exception 'again' using errcode = '${state}'; end $$`)
    })
    const error: unknown = await failing.catch((thrown: unknown) => thrown)
    expect(sqlState(error)).toBe(state)
    expect(attempts).toBe(4)
  })

  it('emits only the events of the attempt that committed', async () => {
    const { id } = createActor()
    let attempts = 0
    await transact(newCall(), async ({ emit }) => {
      attempts += 1
      await kernel.sql('insert into notes values (:id, :id, :id)', { id })
      await emit(noteAdded, { id, owner: id, body: `try ${attempts}` })
      if (attempts < 3) await kernel.sql(`do $$ begin raise exception 'again' using errcode = '40001'; end $$`)
    })
    const events = await readLoggedData<{ body: string }>(kernel.app, `data->>'id' = :id`, { id })
    expect(events.map(({ body }) => body)).toEqual(['try 3'])
  })

  it('is retried, and other failures are not', async () => {
    let attempts = 0
    const failing = transact(newCall(), async () => {
      attempts += 1
      throw new Error('a bug')
    })
    await expect(failing).rejects.toThrow('a bug')
    expect(attempts).toBe(1)
  })
})

describe('the pipeline', () => {
  it('fails a read that writes', async () => {
    const actor = createActor()
    expect(await kernel.expectProblem(readThatWrites, {}, { actor })).toMatchObject({
      status: 500,
      code: 'internal_error',
    })
    expect(await rowsOf(actor.id)).toMatchObject({ notes: 0 })
  })

  it('fails a response that does not match its schema', async () => {
    expect(await kernel.expectProblem(invalidOutput, {}, { actor: createActor() })).toMatchObject({
      code: 'internal_error',
    })
  })

  it('checks authentication before anything else', async () => {
    expect(await kernel.expectProblem(clearNotes, { extra: 1 })).toMatchObject({ status: 401, code: 'not_signed_in' })
    expect(await kernel.expectProblem(clearNotes, {}, { actor: createActor() })).toMatchObject({
      status: 403,
      code: 'forbidden',
    })
    expect(await kernel.call(clearNotes, {}, { actor: createActor('moderator') })).toEqual({ data: {} })
    expect(await kernel.call(clearNotes, {}, { actor: createActor('admin') })).toEqual({ data: {} })
  })
})

const jobCount = async () => (await kernel.sql('select id from graphile_worker.jobs')).length
