import { randomUUID } from 'node:crypto'
import { asyncApi } from '../kernel/docs/asyncapi'
import { openApi } from '../kernel/docs/openapi'
import { type AnyOperation, methodAndPath } from '../kernel/operation'
import { product } from '../skills'
import { sampleOf } from './samples'
import { askOverRest, type Person, type Reply } from './people'
import { freshWorld, type TestWorld } from './world'
import { io } from 'socket.io-client'

/** What must hold for each operation, read off the list: nobody has to remember to test it. */
let world: TestWorld
let ann: Person
let moderator: Person
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann')
  moderator = await world.person('mod', { roles: ['moderator'] })
})
afterAll(() => world[Symbol.asyncDispose]())

const operations = product.operations.map((op): [string, AnyOperation] => [op.name, op])
const closed = operations.filter(([, op]) => op.who !== 'anyone')
const caller = (op: AnyOperation) => (op.who === 'moderators' ? moderator : ann)
const withoutId = ({ error, data, page }: Reply) => ({ data, page, error: { ...error, requestId: undefined } })

describe.each(operations)('%s', (_name, op) => {
  it('refuses bad input with the same faults on both doors, all at once', async () => {
    const { params } = methodAndPath(op.route)
    const bad = { ...Object.fromEntries(params.map(name => [name, 'not!an!id'])), surprise: 'x' }
    const overRest = await caller(op).ask(op, bad, { door: 'rest' })
    const overSocket = await caller(op).ask(op, bad, { door: 'socket' })
    expect(overRest.error).toMatchObject({ code: 'invalid_input', status: 400 })
    expect(overRest.error?.errors).toContainEqual(expect.objectContaining({ path: 'surprise', code: 'unknown_field' }))
    expect(withoutId(overSocket)).toEqual(withoutId(overRest))
  })

  it('answers the same on both doors', async () => {
    const rest = await world.person(`r-${op.name}`, {
      roles: ['moderator'],
      name: 'Same',
    })
    const socket = await world.person(`s-${op.name}`, { roles: ['moderator'], name: 'Same' })
    const input = sampleOf(op.input)
    const overRest = await rest.ask(op, input, { door: 'rest' })
    const overSocket = await socket.ask(op, input, { door: 'socket' })
    expect(comparable(overSocket)).toEqual(comparable(overRest))
    expect(overRest.error?.status ?? 200).toBeLessThan(500)
  })

  it('refuses who has called too often, on both doors, and says how long to wait', async () => {
    const tired = await world.person(`t-${op.name}`, { roles: ['moderator'] })
    await world.world.limits.take(op.name, tired.id, op.limit.perMinute, op.limit.perMinute)
    const overRest = await tired.ask(op, sampleOf(op.input), { door: 'rest' })
    const overSocket = await tired.ask(op, sampleOf(op.input), { door: 'socket' })
    expect(overRest.error).toMatchObject({ code: 'too_many_requests', status: 429 })
    expect(overSocket.error).toMatchObject({ code: 'too_many_requests', status: 429 })
    expect(overRest.error?.retryAfter).toBeGreaterThan(0)
    expect(overRest.headers?.get('retry-after')).toBe(String(overRest.error?.retryAfter))
  })

  it('is documented in both documents', () => {
    const paths = openApi(product).paths as Record<string, Record<string, { operationId: string; summary: string }>>
    const documented = Object.values(paths).flatMap(methods => Object.values(methods))
    const found = documented.filter(({ operationId }) => operationId === op.name)
    expect(found).toEqual([expect.objectContaining({ summary: op.summary })])
    expect(asyncApi(product).operations).toHaveProperty([op.name])
    expect(op.summary).toMatch(/^[A-Z].{2,58}[^.]$/)
  })
})

describe.each(closed)('%s', (_name, op) => {
  it('refuses who is not signed in, and a socket without a token is no socket', async () => {
    const { error, headers } = await askOverRest(world.nodes[0]?.url ?? '', op, sampleOf(op.input), {})
    expect(error).toMatchObject({ code: 'not_signed_in', status: 401 })
    expect(headers?.get('www-authenticate')).toBe('Bearer')
  })
})

const guarded = operations.filter(([, op]) => op.who === 'moderators')
describe.each(guarded)('%s', (_name, op) => {
  it('is for moderators alone', async () => {
    const sent = sampleOf(op.input)
    expect(['forbidden', 'not_found']).toContain((await ann.refused(op, sent, { door: 'rest' })).code)
    expect(['forbidden', 'not_found']).toContain((await ann.refused(op, sent, { door: 'socket' })).code)
  })
})

it('a socket without a token is refused with the same problem object', async () => {
  const socket = io(world.nodes[0]?.url ?? '', { transports: ['websocket'], forceNew: true, reconnection: false })
  const problem = await new Promise<unknown>(resolve =>
    socket.once('connect_error', error => resolve('data' in error ? error.data : error.message)),
  )
  socket.disconnect()
  expect(problem).toMatchObject({ code: 'not_signed_in', status: 401 })
})

/** Ids, instants, handles and secrets differ from call to call; everything else must not. */
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

it('knows no operation by another name', async () => {
  const socket = await ann.socket()
  const reply = (await socket.timeout(5_000).emitWithAck(`nobody.knows${randomUUID().slice(0, 4)}`, {})) as Reply
  expect(reply.error).toMatchObject({ code: 'unknown_operation', status: 404 })
})
