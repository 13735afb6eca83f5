import { operation } from '../../kernel/pipeline/operation'
import { createRegistry } from '../../kernel/pipeline/registry'
import { refusal, refusals } from '../../kernel/pipeline/refusals'
import { oneOf, shape } from '../../kernel/pipeline/schema'
import * as userProfile from '../../skills/user-profile'
import { provisionProfile } from '../../skills/user-profile/provision-profile'
import { noteAdded } from './notes'
import { type TestKernel, createTestKernel, createActor } from './test-kernel'

const undeclared = refusal('undeclared', 409, 'Nobody knows of this')
const steps: string[] = []

const signedIn = { auth: 'signed-in', limit: { perMinute: 100_000 }, allow: () => true } as const
const input = shape({ behavior: oneOf('well', 'refuse', 'undeclared', 'announce', 'clash') })
const output = shape({ behavior: oneOf('well', 'clash') })

const prepareFirst = operation({
  ...signedIn,
  ...{ name: 'asking.prepareFirst', route: 'PUT /asking', summary: 'Prepare before the transaction.', input, output },
  idempotency: 'natural',

  async beforeTransaction({ behavior }, { app, actor, emit }) {
    steps.push(`ask ${await openTransactions(app)}`)
    if (behavior === 'refuse') throw refusals.notFound()
    if (behavior === 'undeclared') throw undeclared()
    if (behavior === 'announce') await emit(noteAdded, { id: actor.id, owner: actor.id, body: '' })
    return behavior === 'well' || behavior === 'clash' ? behavior : 'well'
  },

  async load(_input, { app }) {
    await app.db.query('select 1 as one')
    steps.push(`load ${await openTransactions(app)}`)
    return null
  },

  async run({ prepared: behavior }, { app }) {
    steps.push('run')
    const isFirst = steps.filter(step => step === 'run').length === 1
    if (behavior === 'clash' && isFirst) await app.db.query(`do $$ begin raise sqlstate '40001'; end $$`)
    return { behavior }
  },
})

/** As seen by another connection. */
async function openTransactions({ db }: TestKernel['app']): Promise<number> {
  const text = `select count(*)::int as n from pg_stat_activity where datname = current_database()
    and state = 'idle in transaction' and application_name = 'tutti'`
  return (await db.readCommitted<{ n: number }>({ name: 'open-transactions', text, values: [] }))[0]?.n ?? 0
}

const preparingRegistry = createRegistry([userProfile, { prepareFirst, noteAdded }], provisionProfile)
let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({ registry: preparingRegistry })
})
afterAll(() => kernel[Symbol.asyncDispose]())
beforeEach(() => void steps.splice(0))

describe('beforeTransaction', () => {
  it('runs before the transaction begins, and passes its result on', async () => {
    expect(await kernel.call(prepareFirst, { behavior: 'well' }, { actor: createActor() })).toEqual({
      data: { behavior: 'well' },
    })
    expect(steps).toEqual(['ask 0', 'load 1', 'run'])
  })

  it('runs once, although the transaction is retried', async () => {
    await kernel.call(prepareFirst, { behavior: 'clash' }, { actor: createActor() })
    expect(steps).toEqual(['ask 0', 'load 1', 'run', 'load 1', 'run'])
  })

  it('does not run for unauthenticated callers or invalid input', async () => {
    expect(await kernel.expectProblem(prepareFirst, { behavior: 'well' })).toMatchObject({ code: 'not_signed_in' })
    expect(await kernel.expectProblem(prepareFirst, { behavior: 'else' }, { actor: createActor() })).toMatchObject({
      code: 'invalid_input',
    })
    expect(steps).toEqual([])
  })

  it('may refuse with declared refusals, and must not emit', async () => {
    const codes = []
    for (const behavior of ['refuse', 'undeclared', 'announce'])
      codes.push((await kernel.expectProblem(prepareFirst, { behavior }, { actor: createActor() })).code)
    expect(codes).toEqual(['not_found', 'internal_error', 'internal_error'])
    expect(steps).toEqual(['ask 0', 'ask 0', 'ask 0'])
  })

  it('requires an idempotent operation', () => {
    for (const more of [
      { route: 'GET /asking', idempotency: 'read' },
      { route: 'POST /asking', idempotency: 'keyed' },
    ] as const)
      expect(() => operation({ ...prepareFirst, ...more })).toThrow('only a naturally idempotent operation may work')
  })
})
