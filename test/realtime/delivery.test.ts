import { emitNumbers, numberRange } from '../emit-numbers'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { type ReceivedEvent, type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', { node: 0 })
  bob = await testApp.signIn('bob', { node: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const appOf = (index: number) => testApp.nodes[index % testApp.nodes.length]?.app ?? testApp.app

describe('events', () => {
  it('reach followers on both nodes in one order, each exactly once, whichever node emits them', async () => {
    const channel = `track:${(await makeTrack(ann.id)).id}`
    const recorders = await Promise.all([ann.recordEvents(channel), bob.recordEvents(channel)])
    const count = 60
    await Promise.all(numberRange(0, count).map(n => emitNumbers(appOf(n), channel, [n])))
    for (const recorder of recorders) {
      await waitUntil(() => recorder.events.length >= count)
      expect(recorder.events.map(({ offset }) => offset)).toEqual(numberRange(1, count + 1))
      expect(recorder.events.map(({ data }) => data.n).toSorted((a, b) => Number(a) - Number(b))).toEqual(
        numberRange(0, count),
      )
    }
    expect(recorders[0].events).toEqual(recorders[1].events)
  })

  it('of one transaction are sent in one frame, in order', async () => {
    const channel = `track:${(await makeTrack(ann.id)).id}`
    const socket = await bob.socket()
    const frames: { epoch: string; events: ReceivedEvent[] }[] = []
    await bob.recordEvents(channel)
    socket.on('events', (frame: { channel: string; epoch: string; events: ReceivedEvent[] }) => {
      if (frame.channel === channel) frames.push(frame)
    })
    await emitNumbers(testApp.app, channel, numberRange(1, 61))
    await waitUntil(() => frames.length > 0)
    expect(frames).toHaveLength(1)
    expect(frames[0]?.events.map(({ data }) => data.n)).toEqual(numberRange(1, 61))
    expect(frames[0]?.epoch).toMatch(/^[0-9a-z]+$/)
    expect(Object.keys(frames[0]?.events[0] ?? {}).sort()).toEqual(['at', 'data', 'id', 'name', 'offset'])
    expect(frames[0]?.events[0]?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it('of one transaction on several channels have one id, and an offset in each', async () => {
    const channels = [`user:${ann.id}`, `track:${(await makeTrack(ann.id)).id}`]
    const [ownRecorder, track] = [await ann.recordEvents(channels[0] ?? ''), await bob.recordEvents(channels[1] ?? '')]
    await emitNumbers(testApp.app, channels, [7])
    const [a, b] = [await ownRecorder.waitFor('test.numberEmitted'), await track.waitFor('test.numberEmitted')]
    expect(a.id).toBe(b.id)
    expect(b.offset).toBe(1)
  })

  it('of a failed transaction are not delivered, and leave no gap', async () => {
    const channel = `track:${(await makeTrack(ann.id)).id}`
    const recorder = await bob.recordEvents(channel)
    await emitNumbers(testApp.app, channel, [0])
    await expect(emitNumbers(testApp.app, channel, [1, -1])).rejects.toThrow()
    await emitNumbers(testApp.app, channel, [2])
    await waitUntil(() => recorder.events.length === 2)
    expect(recorder.events.map(({ offset, data }) => [offset, data.n])).toEqual([
      [1, 0],
      [2, 2],
    ])
  })
})

it('all shards are held, and shared between the nodes', async () => {
  const heldShards = async () =>
    (
      await testApp.app.db.query<{ shards: string }>(
        `select count(*) as shards from pg_locks where locktype = 'advisory' and granted and classid = 7283333
         and database = (select oid from pg_database where datname = current_database()) group by pid`,
      )
    ).map(({ shards }) => Number(shards))
  await waitUntil(async () => (await heldShards()).length === 2)
  await waitUntil(async () => (await heldShards()).every(shards => shards === 4))
})

it('relayed events are deleted from the pending list', async () => {
  await emitNumbers(testApp.app, `user:${ann.id}`, numberRange(0, 10))
  await waitUntil(async () => (await testApp.app.db.query('select from pending_events')).length === 0)
})
