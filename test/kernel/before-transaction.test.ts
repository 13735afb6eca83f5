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
const input = shape({ wish: oneOf('well', 'refuse', 'undeclared', 'announce', 'clash') })
const output = shape({ wish: oneOf('well', 'clash') })

const askFirst = operation({
  ...signedIn,
  ...{ name: 'asking.askFirst', route: 'PUT /asking', summary: 'Prepare before the transaction.', input, output },
  idempotency: 'natural',

  async beforeTransaction({ wish }, { app, actor, emit }) {
    steps.push(`ask ${await openTransactions(app)}`)
    if (wish === 'refuse') throw refusals.notFound()
    if (wish === 'undeclared') throw undeclared()
    if (wish === 'announce') await emit(noteAdded, { id: actor.id, owner: actor.id, body: '' })
    return wish === 'well' || wish === 'clash' ? wish : 'well'
  },

  async load(_input, { app }) {
    await app.db.query('select 1 as one')
    steps.push(`load ${await openTransactions(app)}`)
    return null
  },

  async run({ prepared: wish }, { app }) {
    steps.push('run')
    const isFirst = steps.filter(step => step === 'run').length === 1
    if (wish === 'clash' && isFirst) await app.db.query(`do $$ begin raise sqlstate '40001'; end $$`)
    return { wish }
  },
})

/** As seen by another connection. */
async function openTransactions({ db }: TestKernel['app']): Promise<number> {
  const text = `select count(*)::int as n from pg_stat_activity where datname = current_database()
    and state = 'idle in transaction' and application_name = 'tutti'`
  return (await db.readCommitted<{ n: number }>({ name: 'open-transactions', text, values: [] }))[0]?.n ?? 0
}

const asking = createRegistry([userProfile, { askFirst, noteAdded }], provisionProfile)
let own: TestKernel
beforeAll(async () => {
  own = await createTestKernel({ registry: asking })
})
afterAll(() => own[Symbol.asyncDispose]())
beforeEach(() => void steps.splice(0))

describe('beforeTransaction', () => {
  it('runs before the transaction begins, and passes its result on', async () => {
    expect(await own.call(askFirst, { wish: 'well' }, { actor: createActor() })).toEqual({ data: { wish: 'well' } })
    expect(steps).toEqual(['ask 0', 'load 1', 'run'])
  })

  it('runs once, although the transaction is retried', async () => {
    await own.call(askFirst, { wish: 'clash' }, { actor: createActor() })
    expect(steps).toEqual(['ask 0', 'load 1', 'run', 'load 1', 'run'])
  })

  it('does not run for unauthenticated callers or invalid input', async () => {
    expect(await own.expectProblem(askFirst, { wish: 'well' })).toMatchObject({ code: 'not_signed_in' })
    expect(await own.expectProblem(askFirst, { wish: 'else' }, { actor: createActor() })).toMatchObject({
      code: 'invalid_input',
    })
    expect(steps).toEqual([])
  })

  it('may refuse with declared refusals, and must not emit', async () => {
    const codes = []
    for (const wish of ['refuse', 'undeclared', 'announce'])
      codes.push((await own.expectProblem(askFirst, { wish }, { actor: createActor() })).code)
    expect(codes).toEqual(['not_found', 'internal_error', 'internal_error'])
    expect(steps).toEqual(['ask 0', 'ask 0', 'ask 0'])
  })

  it('requires an idempotent operation', () => {
    for (const more of [
      { route: 'GET /asking', idempotency: 'read' },
      { route: 'POST /asking', idempotency: 'keyed' },
    ] as const)
      expect(() => operation({ ...askFirst, ...more })).toThrow('only a naturally idempotent operation may work')
  })
})
