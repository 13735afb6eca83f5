import { DatabaseError, ForeignKeyConstraintError } from 'sequelize'
import { isServerError, sqlState, toRefusal } from '../../kernel/pipeline/errors'
import { newId } from '../../kernel/pipeline/new-id'
import { isGeneralRefusal, refusal, refusals } from '../../kernel/pipeline/refusals'
import { notesRegistry, notesTable } from './notes'
import { type TestKernel, createTestKernel } from './test-kernel'

let own: TestKernel
beforeAll(async () => {
  own = await createTestKernel({ registry: notesRegistry, tables: `${notesTable}; create table short (x varchar(1))` })
})
afterAll(() => own[Symbol.asyncDispose]())

const raised = (sql: string) =>
  own.sql(sql).then(
    () => Promise.reject(new Error('it worked')),
    (error: unknown) => error,
  )
const coded = (code: string, message = 'x') => Object.assign(new Error(message), { code })

describe('what PostgreSQL says', () => {
  const id = newId(new Date())

  it.each([
    ['text that is no id', `select cast('x' as uuid)`, '22P02', 'invalid_input'],
    ['a number out of range', 'select cast(3000000000 as bigint)::int', '22003', 'invalid_input'],
    ['no date', `select cast('2026-02-31' as timestamptz)`, '22008', 'invalid_input'],
    ['text that is too long', `insert into short values ('xx')`, '22001', 'invalid_input'],
    ['NUL within JSON', `select cast(cast('{"a":"\\u0000"}' as jsonb)->>'a' as text)`, '22P05', 'invalid_input'],
    [
      'a row that is there',
      `insert into notes values ('${id}', '${id}', ''), ('${id}', '${id}', '')`,
      '23505',
      'conflict',
    ],
    ['a row that is not there', `insert into echoes values ('${id}')`, '23503', 'conflict'],
    ['a missing value', `insert into notes (id) values ('${id}')`, '23502', 'internal'],
    ['a statement that took too long', `set local statement_timeout = 1; select pg_sleep(1)`, '57014', 'unavailable'],
    ['a bug in SQL', 'selekt', '42601', 'internal'],
    ['a comparison of types', `select cast('${id}' as uuid) = 5`, '42883', 'internal'],
  ])('about %s', async (_what, sql, state, code) => {
    const error = await raised(sql)
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
    ['23514', 'internal'],
    ['25006', 'internal'],
    ['XX000', 'internal'],
  ])('with state %s, bare or wrapped, is %s', (state, code) => {
    const bare = coded(state)
    const wrapped = new DatabaseError(Object.assign(bare, { sql: '' }))
    for (const error of [bare, wrapped]) expect(toRefusal(error).kind.code).toBe(code)
  })

  it('and Sequelize words as its own errors', () => {
    const parent = Object.assign(coded('23503'), { sql: '' })
    expect(toRefusal(new ForeignKeyConstraintError({ parent })).kind.code).toBe('conflict')
  })
})

describe('what the network says', () => {
  it.each([
    coded('ECONNREFUSED'),
    coded('ECONNRESET'),
    coded('EPIPE'),
    new Error('Connection terminated unexpectedly'),
    new Error('Connection terminated due to connection timeout'),
    new Error('timeout exceeded when trying to connect'),
    new Error('Query read timeout'),
    new AggregateError([coded('ECONNREFUSED')], ''),
  ])('%s is unavailable, worth a retry', error => {
    expect(toRefusal(error)).toMatchObject({ more: { retryAfter: 2 } })
    expect(toRefusal(error).kind).toBe(refusals.unavailable)
  })
})

describe('anything else', () => {
  it.each([
    new Error('secret'),
    'text',
    undefined,
    null,
    7,
    { code: 5 },
    new TypeError('x is not a function'),
    coded('ENOENT'),
  ])('is a bug and stays opaque: %p', thrown => {
    const problem = toRefusal(thrown).toProblem('r1')
    expect(problem).toEqual({
      type: 'urn:tutti:problem:internal',
      title: refusals.internalError.title,
      status: 500,
      code: 'internal',
      requestId: 'r1',
    })
    expect(isServerError(toRefusal(thrown))).toBe(true)
  })
})

describe('a refusal', () => {
  const soldOut = refusal('sold_out', 409, 'Nothing is left')

  it('is told as a problem object with its own fields only', () => {
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

  it('passes unchanged, and is general only when any operation may use it', () => {
    const one = soldOut()
    expect(toRefusal(one)).toBe(one)
    expect(isGeneralRefusal(soldOut)).toBe(false)
    expect(isGeneralRefusal(refusals.notFound)).toBe(true)
  })

  it('has a code of its own and a fitting status', () => {
    const kinds = Object.values(refusals)
    expect(new Set(kinds.map(({ code }) => code)).size).toBe(kinds.length)
    for (const { code, status } of kinds) {
      expect(code).toMatch(/^[a-z_]+$/)
      expect(status).toBeGreaterThanOrEqual(400)
    }
  })
})
