import { randomUUID } from 'node:crypto'
import { generateAsyncApi } from '../kernel/docs/asyncapi'
import { generateOpenApi } from '../kernel/docs/openapi'
import { type AnyOperation, parseRoute } from '../kernel/pipeline/operation'
import { examples } from '../server/docs-pages/examples'
import { registry } from '../skills'
import { sampleInput } from './sample-input'
import { requestOverRest, type Person, type Reply } from './person'
import { createTestApp, type TestApp } from './test-app'
import { io } from 'socket.io-client'

/** What must hold for each operation, read from the registry. */
let testApp: TestApp
let ann: Person
let moderator: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  moderator = await testApp.signIn('mod', { roles: ['moderator'] })
})
afterAll(() => testApp[Symbol.asyncDispose]())

// They are made once: it takes 100 ms.
const documents = { rest: generateOpenApi(registry, examples), live: generateAsyncApi(registry, examples) }
const operations = registry.operations.map((op): [string, AnyOperation] => [op.name, op])
const authenticated = operations.filter(([, op]) => op.auth !== 'public')
const caller = (op: AnyOperation) => (op.auth === 'moderator' ? moderator : ann)
const withoutId = ({ error, data, page }: Reply) => ({ data, page, error: { ...error, requestId: undefined } })

describe.each(operations)('%s', (_name, op) => {
  it('rejects invalid input with the same field errors over both transports, all at once', async () => {
    const { params } = parseRoute(op.route)
    const invalid = { ...Object.fromEntries(params.map(name => [name, 'not!an!id'])), surprise: 'x' }
    const overRest = await caller(op).request(op, invalid, { transport: 'rest' })
    const overSocket = await caller(op).request(op, invalid, { transport: 'socket' })
    expect(overRest.error).toMatchObject({ code: 'invalid_input', status: 400 })
    expect(overRest.error?.errors).toContainEqual(expect.objectContaining({ path: 'surprise', code: 'unknown_field' }))
    expect(withoutId(overSocket)).toEqual(withoutId(overRest))
  })

  it('responds the same over both transports', async () => {
    const rest = await testApp.signIn(`r-${op.name}`, {
      roles: ['moderator'],
      name: 'Same',
    })
    const socket = await testApp.signIn(`s-${op.name}`, { roles: ['moderator'], name: 'Same' })
    const input = sampleInput(op.input)
    const overRest = await rest.request(op, input, { transport: 'rest' })
    const overSocket = await socket.request(op, input, { transport: 'socket' })
    expect(comparable(overSocket)).toEqual(comparable(overRest))
    expect(overRest.error?.status ?? 200).toBeLessThan(500)
  })

  it('refuses calls over the rate limit over both transports, with `retryAfter`', async () => {
    const limited = await testApp.signIn(`t-${op.name}`, { roles: ['moderator'] })
    await testApp.app.rateLimiter.consume(op.name, limited.id, op.limit.perMinute, op.limit.perMinute)
    const overRest = await limited.request(op, sampleInput(op.input), { transport: 'rest' })
    const overSocket = await limited.request(op, sampleInput(op.input), { transport: 'socket' })
    expect(overRest.error).toMatchObject({ code: 'too_many_requests', status: 429 })
    expect(overSocket.error).toMatchObject({ code: 'too_many_requests', status: 429 })
    expect(overRest.error?.retryAfter).toBeGreaterThan(0)
    expect(overRest.headers?.get('retry-after')).toBe(String(overRest.error?.retryAfter))
  })

  it('is documented in both documents', () => {
    const paths = documents.rest.paths as Record<string, Record<string, { operationId: string; summary: string }>>
    const documented = Object.values(paths).flatMap(methods => Object.values(methods))
    const found = documented.filter(({ operationId }) => operationId === op.name)
    expect(found).toEqual([expect.objectContaining({ summary: op.summary })])
    expect(documents.live.operations).toHaveProperty([op.name])
    expect(op.summary).toMatch(/^[A-Z].{2,58}[^.]$/)
  })
})

describe.each(authenticated)('%s', (_name, op) => {
  it('refuses an unauthenticated caller', async () => {
    const { error, headers } = await requestOverRest(testApp.nodes[0]?.url ?? '', op, sampleInput(op.input), {})
    expect(error).toMatchObject({ code: 'not_signed_in', status: 401 })
    expect(headers?.get('www-authenticate')).toBe('Bearer')
  })
})

const moderated = operations.filter(([, op]) => op.auth === 'moderator')
describe.each(moderated)('%s', (_name, op) => {
  it('is allowed for moderators only', async () => {
    const sent = sampleInput(op.input)
    expect(['forbidden', 'not_found']).toContain((await ann.expectProblem(op, sent, { transport: 'rest' })).code)
    expect(['forbidden', 'not_found']).toContain((await ann.expectProblem(op, sent, { transport: 'socket' })).code)
  })
})

it('a socket without a token is refused with the same problem object', async () => {
  const socket = io(testApp.nodes[0]?.url ?? '', { transports: ['websocket'], forceNew: true, reconnection: false })
  const problem = await new Promise<unknown>(resolve =>
    socket.once('connect_error', error => resolve('data' in error ? error.data : error.message)),
  )
  socket.disconnect()
  expect(problem).toMatchObject({ code: 'not_signed_in', status: 401 })
})

/** Ids, times, handles and secrets differ between calls; everything else must be equal. */
function comparable(reply: Reply): unknown {
  const text = JSON.stringify(withoutId(reply))
  return JSON.parse(
    text
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<instant>')
      .replace(/"[a-zA-Z]*Ms":1[67]\d{11}\b/g, '"<ms>":0')
      .replace(/"handle":"[^"]*"/g, '"handle":"<handle>"')
      .replace(/X-Amz-[A-Za-z]+=[^&"]*/g, '<signed>'),
  )
}

it('an unknown operation is refused', async () => {
  const socket = await ann.socket()
  const reply = (await socket.timeout(5_000).emitWithAck(`nobody.knows${randomUUID().slice(0, 4)}`, {})) as Reply
  expect(reply.error).toMatchObject({ code: 'unknown_operation', status: 404 })
})
