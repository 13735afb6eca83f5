import { DatabaseError, ForeignKeyConstraintError } from 'sequelize'
import { isServerError, sqlState, toRefusal } from '../../kernel/pipeline/errors'
import { newId } from '../../kernel/pipeline/new-id'
import { isGeneralRefusal, refusal, refusals } from '../../kernel/pipeline/refusals'
import { notesRegistry, notesTable } from './notes'
import { type TestKernel, createTestKernel } from './test-kernel'

let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({
    registry: notesRegistry,
    tables: `${notesTable}; create table short (x varchar(1))`,
  })
})
afterAll(() => kernel[Symbol.asyncDispose]())

const failedQuery = (sql: string) =>
  kernel.sql(sql).then(
    () => Promise.reject(new Error('expected the query to fail')),
    (error: unknown) => error,
  )
const errorWithCode = (code: string, message = 'x') => Object.assign(new Error(message), { code })

describe('a PostgreSQL error', () => {
  const id = newId(new Date())

  it.each([
    ['text that is not a UUID', `select cast('x' as uuid)`, '22P02', 'invalid_input'],
    ['a number out of range', 'select cast(3000000000 as bigint)::int', '22003', 'invalid_input'],
    ['an invalid date', `select cast('2026-02-31' as timestamptz)`, '22008', 'invalid_input'],
    ['text that is too long', `insert into short values ('xx')`, '22001', 'invalid_input'],
    ['NUL within JSON', `select cast(cast('{"a":"\\u0000"}' as jsonb)->>'a' as text)`, '22P05', 'invalid_input'],
    ['a duplicate row', `insert into notes values ('${id}', '${id}', ''), ('${id}', '${id}', '')`, '23505', 'conflict'],
    ['a missing referenced row', `insert into echoes values ('${id}')`, '23503', 'conflict'],
    ['a missing value', `insert into notes (id) values ('${id}')`, '23502', 'internal_error'],
    ['a statement timeout', `set local statement_timeout = 1; select pg_sleep(1)`, '57014', 'unavailable'],
    ['a bug in SQL', 'selekt', '42601', 'internal_error'],
    ['a comparison of types', `select cast('${id}' as uuid) = 5`, '42883', 'internal_error'],
  ])('about %s is mapped', async (_what, sql, state, code) => {
    const error = await failedQuery(sql)
    expect(sqlState(error)).toBe(state)
    expect(toRefusal(error).kind.code).toBe(code)
  })

  it.each([
    ['40001', 'unavailable'],
    ['40P01', 'unavailable'],
    ['55P03', 'unavailable'],
    ['53300', 'unavailable'],
    ['53200', 'unavailable'],
    ['57P01', 'unavailable'],
    ['57P03', 'unavailable'],
    ['08006', 'unavailable'],
    ['22021', 'invalid_input'],
    ['22001', 'invalid_input'],
    ['23514', 'internal_error'],
    ['25006', 'internal_error'],
    ['XX000', 'internal_error'],
  ])('with state %s, bare or wrapped, becomes %s', (state, code) => {
    const bare = errorWithCode(state)
    const wrapped = new DatabaseError(Object.assign(bare, { sql: '' }))
    for (const error of [bare, wrapped]) expect(toRefusal(error).kind.code).toBe(code)
  })

  it('that Sequelize wraps is mapped', () => {
    const parent = Object.assign(errorWithCode('23503'), { sql: '' })
    expect(toRefusal(new ForeignKeyConstraintError({ parent })).kind.code).toBe('conflict')
  })
})

describe('a network error', () => {
  it.each([
    errorWithCode('ECONNREFUSED'),
    errorWithCode('ECONNRESET'),
    errorWithCode('EPIPE'),
    new Error('Connection terminated unexpectedly'),
    new Error('Connection terminated due to connection timeout'),
    new Error('timeout exceeded when trying to connect'),
    new Error('Query read timeout'),
    new AggregateError([errorWithCode('ECONNREFUSED')], ''),
  ])('%s becomes unavailable, which may be retried', error => {
    expect(toRefusal(error)).toMatchObject({ extras: { retryAfter: 2 } })
    expect(toRefusal(error).kind).toBe(refusals.unavailable)
  })
})

describe('any other error', () => {
  it.each([
    new Error('secret'),
    'text',
    undefined,
    null,
    7,
    { code: 5 },
    new TypeError('x is not a function'),
    errorWithCode('ENOENT'),
  ])('is a bug and stays opaque: %p', thrown => {
    const problem = toRefusal(thrown).toProblem('r1')
    expect(problem).toEqual({
      type: 'urn:tutti:problem:internal_error',
      title: refusals.internalError.title,
      status: 500,
      code: 'internal_error',
      requestId: 'r1',
    })
    expect(isServerError(toRefusal(thrown))).toBe(true)
  })
})

describe('a refusal', () => {
  const soldOut = refusal('sold_out', 409, 'Nothing is left')

  it('becomes a problem object with only its own fields', () => {
    const more = { errors: [{ path: 'a', code: 'b', message: 'c' }], retryAfter: 3, current: { rev: 2 } }
    expect(soldOut('Come back', more).toProblem('r1')).toEqual({
      type: 'urn:tutti:problem:sold_out',
      title: 'Nothing is left',
      status: 409,
      code: 'sold_out',
      detail: 'Come back',
      ...more,
      requestId: 'r1',
    })
    expect(Object.keys(soldOut().toProblem('r1'))).toEqual(['type', 'title', 'status', 'code', 'requestId'])
  })

  it('passes unchanged, and only a general one may be used by every operation', () => {
    const one = soldOut()
    expect(toRefusal(one)).toBe(one)
    expect(isGeneralRefusal(soldOut)).toBe(false)
    expect(isGeneralRefusal(refusals.notFound)).toBe(true)
  })

  it('has a unique code and a fitting status', () => {
    const kinds = Object.values(refusals)
    expect(new Set(kinds.map(({ code }) => code)).size).toBe(kinds.length)
    for (const { code, status } of kinds) {
      expect(code).toMatch(/^[a-z_]+$/)
      expect(status).toBeGreaterThanOrEqual(400)
    }
  })
})
