import { newId } from '../../kernel/pipeline/new-id'
import { createLogReader } from '../../realtime/log/log-reader'
import { registry } from '../../skills'
import { emitNumbers, numberRange } from '../emit-numbers'
import { type TestKernel, createTestKernel } from '../kernel/test-kernel'
import { waitUntil } from '../kernel/wait-until'

/** No relay runs here: Redis has no copy of the events, so PostgreSQL is read. */
let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({ registry })
})
afterAll(() => kernel[Symbol.asyncDispose]())
afterEach(() => jest.restoreAllMocks())

const readers = numberRange(0, 25)

/** A channel with three events, and a node's reader of it. */
async function createLog() {
  const { app } = kernel
  const channel = `user:${newId(new Date())}`
  await emitNumbers(app, channel, [1, 2, 3])
  const epoch = await app.channelLog.epoch()
  const log = createLogReader(app)
  const cacheReads = jest.spyOn(app.channelCache, 'readAfter')
  return {
    emit: (n: number) => emitNumbers(app, channel, [n]),
    /** Reads events after an offset, from a log known to have reached `atLeast`. */
    read: async (offset: number, atLeast = 3) => {
      const { latestOffset: top, events } = await log.readAfter(channel, { epoch, offset }, atLeast)
      return { top, offsets: events?.map(event => event.offset) }
    },
    /** Resolves when `count` readers have missed in Redis, and read PostgreSQL or joined a read. */
    started: async (count: number) => {
      await waitUntil(() => cacheReads.mock.results.length === count)
      await Promise.allSettled(cacheReads.mock.results.map(({ value }) => value as Promise<unknown>))
      await new Promise(resolve => setImmediate(resolve))
    },
  }
}

/** Counts reads of the log from PostgreSQL, and delays their results until released. */
function delayReads() {
  const { db } = kernel.app
  const read = db.readCommitted.bind(db)
  const count = { started: 0, answered: 0 }
  let release: () => void = () => undefined
  const released = new Promise<void>(resolve => (release = resolve))
  jest.spyOn(db, 'readCommitted').mockImplementation(async statement => {
    if (statement.name !== 'channel-events-after') return read<never>(statement)
    count.started += 1
    const rows = await read<never>(statement)
    count.answered += 1
    await released
    return rows
  })
  return Object.assign(count, { release })
}

describe('readers that missed the same events', () => {
  it('share one concurrent read of PostgreSQL', async () => {
    const { read, started } = await createLog()
    const reads = delayReads()
    const found = Promise.all(readers.map(() => read(1)))
    await started(readers.length)
    reads.release()
    expect(await found).toEqual(readers.map(() => ({ top: 3, offsets: [2, 3] })))
    expect(reads.started).toBe(1)
  })

  it('share a second read if they know of newer events than the pending one can return', async () => {
    const { emit, read, started } = await createLog()
    const reads = delayReads()
    const early = read(0)
    await waitUntil(() => reads.answered === 1)
    await emit(4)
    const found = Promise.all(readers.map(() => read(0, 4)))
    await started(1 + readers.length)
    expect(reads.started).toBe(1)
    reads.release()
    expect(await early).toEqual({ top: 3, offsets: [1, 2, 3] })
    expect(await found).toEqual(readers.map(() => ({ top: 4, offsets: [1, 2, 3, 4] })))
    expect(reads.started).toBe(2)
  })

  it('read again if they read one after the other, and find newer events', async () => {
    const { emit, read } = await createLog()
    expect(await read(2)).toEqual({ top: 3, offsets: [3] })
    await emit(4)
    expect(await read(2)).toEqual({ top: 4, offsets: [3, 4] })
  })
})

it('readers that missed different events read separately', async () => {
  const { read, started } = await createLog()
  const reads = delayReads()
  const found = Promise.all([read(0), read(1)])
  await started(2)
  reads.release()
  expect(await found).toEqual([
    { top: 3, offsets: [1, 2, 3] },
    { top: 3, offsets: [2, 3] },
  ])
  expect(reads.started).toBe(2)
})
