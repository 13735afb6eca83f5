import { newId } from '../../kernel/pipeline/new-id'
import { readLoggedData } from '../emit-numbers'
import { addNote, editNote, failureSwitches, notesRegistry, notesTable } from './notes'
import { type TestKernel, createTestKernel, createActor } from './test-kernel'
import { waitUntil } from './wait-until'

let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({ registry: notesRegistry, nodes: 2, tables: notesTable })
})
afterAll(() => kernel[Symbol.asyncDispose]())

const rowsOf = async (owner: string) => ({
  notes: (await kernel.sql('select id from notes where owner = :owner', { owner })).length,
  keys: (await kernel.sql('select key from idempotency_keys where actor_id = :owner', { owner })).length,
  events: (await readLoggedData(kernel.app, `data->>'owner' = :owner`, { owner })).length,
})

describe('a call with an Idempotency-Key', () => {
  it('is replayed, not repeated, on any node and however its input was written', async () => {
    const actor = createActor()
    const first = await kernel.call(addNote, { body: 'once' }, { actor, idempotencyKey: 'k' })
    const again = await kernel.call(addNote, { body: '  once ' }, { actor, idempotencyKey: 'k', node: 1 })
    expect(again).toEqual({ ...first, replayed: true })
    expect(await rowsOf(actor.id)).toEqual({ notes: 1, keys: 1, events: 1 })
  })

  it('is refused if the key came with another input', async () => {
    const actor = createActor()
    await kernel.call(addNote, { body: 'one' }, { actor, idempotencyKey: 'k' })
    const problem = await kernel.expectProblem(addNote, { body: 'two' }, { actor, idempotencyKey: 'k', node: 1 })
    expect(problem).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    expect(await rowsOf(actor.id)).toEqual({ notes: 1, keys: 1, events: 1 })
  })

  it('is validated first: invalid input does not use up the key', async () => {
    const actor = createActor()
    expect(await kernel.expectProblem(addNote, { body: '' }, { actor, idempotencyKey: 'k' })).toMatchObject({
      code: 'invalid_input',
    })
    await kernel.call(addNote, { body: 'now right' }, { actor, idempotencyKey: 'k' })
  })

  it('has one effect and one response when twenty copies arrive on two nodes concurrently', async () => {
    const actor = createActor()
    const copies = Array.from({ length: 20 }, (_, index) =>
      kernel.call(addNote, { body: 'one of many' }, { actor, idempotencyKey: 'k', node: index % 2 }),
    )
    const answers = await Promise.all(copies)
    expect(new Set(answers.map(({ data }) => JSON.stringify(data, ['id', 'body', 'rev']))).size).toBe(1)
    expect(answers.filter(({ replayed }) => replayed)).toHaveLength(19)
    expect(await rowsOf(actor.id)).toEqual({ notes: 1, keys: 1, events: 1 })
  })

  it('does not conflict with the same key of another caller or operation', async () => {
    const [one, other] = [createActor(), createActor()]
    const first = await kernel.call(addNote, { body: 'same' }, { actor: one, idempotencyKey: 'k' })
    const second = await kernel.call(addNote, { body: 'same' }, { actor: other, idempotencyKey: 'k' })
    expect(second).not.toHaveProperty('replayed')
    expect(second.data).not.toEqual(first.data)
  })

  it.each(['refuse', 'break'])('leaves nothing behind when it ends with "%s", and can be retried', async body => {
    const actor = createActor()
    const expected = body === 'refuse' ? 'conflict' : 'internal_error'
    for (let attempt = 0; attempt < 2; attempt += 1)
      expect(await kernel.expectProblem(addNote, { body }, { actor, idempotencyKey: 'k' })).toMatchObject({
        code: expected,
      })
    expect(await rowsOf(actor.id)).toEqual({ notes: 0, keys: 0, events: 0 })
    expect(await kernel.call(addNote, { body: 'well' }, { actor, idempotencyKey: 'k' })).not.toHaveProperty('replayed')
  })

  it('waits for the first copy, and runs if that one fails', async () => {
    const actor = createActor()
    let entered = 0
    let fail: () => void = () => undefined
    const failed = new Promise<void>(resolve => (fail = resolve))
    failureSwitches.duringAdd = async () => {
      entered += 1
      if (entered > 1) return
      await failed
      throw new Error('the first copy dies')
    }
    const first = kernel.expectProblem(addNote, { body: 'x' }, { actor, idempotencyKey: 'k' })
    await waitUntil(() => entered === 1)
    const second = kernel.call(addNote, { body: 'x' }, { actor, idempotencyKey: 'k', node: 1 })
    await waitUntil(async () => (await kernel.sql(waiting)).length > 0)
    fail()
    expect(await first).toMatchObject({ code: 'internal_error' })
    expect(await second).not.toHaveProperty('replayed')
    failureSwitches.duringAdd = async () => undefined
    expect(await rowsOf(actor.id)).toEqual({ notes: 1, keys: 1, events: 1 })
  })
})

it('ignores a key for idempotent operations and unauthenticated callers', async () => {
  const actor = createActor()
  const { data } = await kernel.call(addNote, { body: 'a' }, { actor })
  const { id } = data as { id: string }
  await kernel.call(editNote, { noteId: id, body: 'b' }, { actor, idempotencyKey: 'k' })
  expect(await kernel.call(editNote, { noteId: id, body: 'c' }, { actor, idempotencyKey: 'k' })).toMatchObject({
    data: { body: 'c' },
  })
  expect(
    await kernel.expectProblem(editNote, { noteId: newId(new Date()), body: 'c' }, { idempotencyKey: 'k' }),
  ).toMatchObject({
    code: 'not_signed_in',
  })
})

const waiting = `select pid from pg_locks where not granted and locktype = 'transactionid'`
