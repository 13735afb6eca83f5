import { randomUUID } from 'node:crypto'
import { findFreePort } from '../../dev/processes/find-free-port'
import { event } from '../../kernel/events/event'
import { type AnyOperation, operation } from '../../kernel/pipeline/operation'
import { createRegistry } from '../../kernel/pipeline/registry'
import { refusals } from '../../kernel/pipeline/refusals'
import { count, boolean, id, optional, shape } from '../../kernel/pipeline/schema'
import { transact } from '../../kernel/pipeline/transact'
import { type AppContext } from '../../kernel/platform/app-context'
import { registry } from '../../skills'
import * as userProfile from '../../skills/user-profile'
import { provisionProfile } from '../../skills/user-profile/provision-profile'
import { requestOverRest, transports, Person } from '../person'
import { type TestKernel, createTestKernel, createActor } from './test-kernel'

/** A shelf counts the things put on it. */
const shelfTable = 'create table shelves (id uuid primary key, things integer not null, hidden boolean not null)'

const thingPut = event({
  name: 'shelves.thingPut',
  summary: 'A thing was put on a shelf.',
  payload: shape({ shelfId: id, things: count }),
  channels: ({ shelfId }) => [`shelf:${shelfId}`],
})

/** Runs during a read. */
const during = { load: async (): Promise<unknown> => undefined }

const shelfView = shape({ shelfId: id, things: count })
const common = {
  auth: 'public',
  input: shape({ shelfId: id }),
  output: shelfView,
  limit: { perMinute: 1_000 },
} as const

const readShelf = { ...common, idempotency: 'read' as const, allow: () => true }
const shelfOf = async (shelfId: string, { db }: AppContext) => {
  const [shelf] = await db.query<{ things: number; hidden: boolean }>(
    'select things, hidden from shelves where id = :shelfId',
    { shelfId },
  )
  if (shelf === undefined || shelf.hidden) throw refusals.notFound()
  return shelf
}

const getShelf = operation({
  ...readShelf,
  name: 'shelves.getShelf',
  route: 'GET /shelves/:shelfId',
  summary: 'Get a shelf with its position',
  snapshotChannel: ({ shelfId }) => `shelf:${shelfId}`,
  async load({ shelfId }, { app }) {
    await during.load()
    return shelfOf(shelfId, app)
  },
  run: async ({ input, subject: { things } }) => ({ ...input, things }),
})

const peekShelf = operation({
  ...readShelf,
  name: 'shelves.peekShelf',
  route: 'GET /shelves/:shelfId/peek',
  summary: 'Get a shelf',
  load: ({ shelfId }, { app }) => shelfOf(shelfId, app),
  run: async ({ input, subject: { things } }) => ({ ...input, things }),
})

const putThing = operation({
  ...common,
  name: 'shelves.putThing',
  route: 'POST /shelves/:shelfId/things',
  summary: 'Put a thing on a shelf',
  input: shape({ shelfId: id, hidden: optional(boolean) }),
  idempotency: 'keyed',
  load: async () => null,
  allow: () => true,
  async run({ input: { shelfId, hidden = false } }, { app, emit }) {
    const [shelf] = await app.db.query<{ things: number }>(
      `insert into shelves values (:shelfId, 1, :hidden)
       on conflict (id) do update set things = shelves.things + 1, hidden = :hidden returning things`,
      { shelfId, hidden },
    )
    const things = shelf?.things ?? 0
    await emit(thingPut, { shelfId, things })
    return { shelfId, things }
  },
})

const shelves = { getShelf, peekShelf, putThing, thingPut }
const shelfRegistry = createRegistry([userProfile, shelves], provisionProfile)

let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({ registry: shelfRegistry, tables: shelfTable, nodes: 2 })
})
afterAll(() => kernel[Symbol.asyncDispose]())
afterEach(() => {
  during.load = async () => undefined
})

const putOn = (shelfId: string, node = 0, hidden = false) => kernel.call(putThing, { shelfId, hidden }, { node })
const newShelf = async (things: number) => {
  const shelfId = createActor().id
  for (let done = 0; done < things; done += 1) await putOn(shelfId)
  return shelfId
}

describe('a snapshot', () => {
  it('returns the position of its channel beside its data', async () => {
    const shelfId = await newShelf(3)
    const { epoch } = await kernel.app.channelLog.position(`shelf:${shelfId}`)
    expect(await kernel.call(getShelf, { shelfId })).toEqual({
      data: { shelfId, things: 3 },
      position: { channel: `shelf:${shelfId}`, epoch, offset: 3 },
    })
  })

  it('reads the position before the state, so that concurrent changes are repeated and never lost', async () => {
    const shelfId = await newShelf(2)
    during.load = () => putOn(shelfId, 1)
    const { data, position } = await kernel.call(getShelf, { shelfId })
    expect(data).toEqual({ shelfId, things: 3 })
    expect(position).toMatchObject({ offset: 2 })
    const { events, latestOffset } = await kernel.app.channelLog.readAfter(
      `shelf:${shelfId}`,
      position?.offset ?? -1,
      10,
    )
    expect(latestOffset).toBe(3)
    expect(events.map(({ data }) => data)).toEqual([{ shelfId, things: 3 }])
  })

  it('contains a concurrent change in its state or in the events after its position', async () => {
    const shelfId = await newShelf(1)
    const writing = Array.from({ length: 12 }, (_, index) => putOn(shelfId, index % 2))
    const snapshots = await Promise.all(
      Array.from({ length: 6 }, (_, node) => kernel.call(getShelf, { shelfId }, { node: node % 2 })),
    )
    await Promise.all(writing)
    for (const { data, position } of snapshots) {
      const { events } = await kernel.app.channelLog.readAfter(`shelf:${shelfId}`, position?.offset ?? -1, 100)
      const states = [data, ...events.map(one => one.data)] as { things: number }[]
      expect(states.at(-1)?.things).toBe(13)
      // No gap between the position and the state.
      expect(states[0]?.things ?? 0).toBeGreaterThanOrEqual(position?.offset ?? Infinity)
    }
  })

  it('of a channel without events starts at 0', async () => {
    const shelfId = createActor().id
    await kernel.sql('insert into shelves values (:shelfId, 5, false)', { shelfId })
    const { position } = await kernel.call(getShelf, { shelfId })
    expect(position).toMatchObject({ channel: `shelf:${shelfId}`, offset: 0 })
    expect(position?.epoch).toMatch(/^[0-9a-z]{1,32}$/)
  })

  it('that is refused reveals nothing of the channel', async () => {
    const shelfId = createActor().id
    await putOn(shelfId, 0, true)
    expect((await kernel.app.channelLog.position(`shelf:${shelfId}`)).offset).toBe(1)
    const problems = [
      await kernel.expectProblem(getShelf, { shelfId }),
      await kernel.expectProblem(getShelf, { shelfId: createActor().id }),
    ]
    for (const problem of problems) {
      expect(problem).toMatchObject({ code: 'not_found' })
      expect(problem).toEqual({ ...problems[0], requestId: problem.requestId })
      expect(JSON.stringify(problem)).not.toContain('offset')
    }
  })

  it('of an invalid id is refused before any look-up', async () => {
    expect(await kernel.expectProblem(getShelf, { shelfId: `x' or true` })).toMatchObject({ code: 'invalid_input' })
  })

  it('needs no Redis', async () => {
    const variables = { REDIS_PORT: String(await findFreePort()) }
    await using offline = await createTestKernel({ registry: shelfRegistry, tables: shelfTable, variables })
    const shelfId = createActor().id
    await offline.call(putThing, { shelfId })
    expect(await offline.call(getShelf, { shelfId })).toMatchObject({ data: { things: 1 }, position: { offset: 1 } })
  })
})

describe('the position of a snapshot', () => {
  it('is returned beside data over both transports, also to unauthenticated callers', async () => {
    const node = await kernel.startWeb()
    await using ann = await Person.signIn('ann', await kernel.issuer.issueToken('ann'), node.url)
    const shelfId = await newShelf(2)
    const position = { channel: `shelf:${shelfId}`, ...(await kernel.app.channelLog.position(`shelf:${shelfId}`)) }
    for (const transport of transports) {
      const reply = await ann.request(getShelf, { shelfId }, { transport })
      expect(reply).toMatchObject({ data: { shelfId, things: 2 }, position })
      expect(reply.data).toEqual({ shelfId, things: 2 })
    }
    expect(await requestOverRest(node.url, getShelf, { shelfId }, {})).toMatchObject({ data: { things: 2 }, position })
    for (const transport of transports) {
      expect(await ann.request(peekShelf, { shelfId }, { transport })).not.toHaveProperty('position')
      expect(await ann.request(putThing, { shelfId }, { transport })).not.toHaveProperty('position')
      expect(
        await ann.request(putThing, { shelfId }, { transport, idempotencyKey: `key-${transport}-123456` }),
      ).not.toHaveProperty('position')
      expect(await ann.request(getShelf, { shelfId: createActor().id }, { transport })).not.toHaveProperty('position')
    }
  })
})

describe('declaring a snapshot', () => {
  it('is allowed for reads only', () => {
    const snapshotOf = ({ shelfId }: { shelfId: string }) => `shelf:${shelfId}`
    expect(() => operation({ ...putThing, snapshotChannel: snapshotOf })).toThrow('only a read may be a snapshot')
    expect(() => operation({ ...peekShelf, snapshotChannel: snapshotOf })).not.toThrow()
  })

  it('names a channel that can be followed, in every operation of the registry', () => {
    const kinds = registry.channels.map(({ kind }) => kind)
    const declared = registry.operations.filter(({ snapshotChannel }: AnyOperation) => snapshotChannel !== undefined)
    const anyId = randomUUID()
    const inputs = { playlistId: anyId, partyId: anyId, trackId: anyId }
    const named = declared.map(({ snapshotChannel }) => snapshotChannel?.(inputs, { id: anyId, roles: [] }))
    expect(named.map(name => name?.split(':')[0] ?? '').sort()).toEqual([...kinds].sort())
    expect(new Set(named.map(name => name?.split(':')[1]))).toEqual(new Set([anyId]))
  })
})

it('a rolled back transaction does not move the position', async () => {
  const shelfId = await newShelf(1)
  const call = { app: kernel.app, registry: shelfRegistry, actor: null, requestId: randomUUID() }
  const failing = transact(call, async ({ emit }) => {
    await emit(thingPut, { shelfId, things: 2 })
    throw refusals.conflict()
  })
  await expect(failing).rejects.toMatchObject({ kind: refusals.conflict })
  expect(await kernel.call(getShelf, { shelfId })).toMatchObject({ data: { things: 1 }, position: { offset: 1 } })
})
