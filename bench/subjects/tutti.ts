import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { type Product } from '../../kernel/product'
import { transact } from '../../kernel/transact'
import { createWorld, type World } from '../../kernel/world'
import { appendOf, shardOf } from '../../kernel/world/channel-log'
import { readConfig } from '../../kernel/world/config'
import { startWeb } from '../../server/main'
import { product } from '../../skills'
import { judgeUpload, prepareUpload, processUpload } from './process'
import { dataOf, said } from './said'
import { watchStatements } from './statements'
import { paced, type Questions, type Stream, type Subject, type Told, type Writing } from './subject'

/** A production node; emitted events go through the whole pipeline of an operation. */
export async function serveTutti(): Promise<Subject> {
  const statements = watchStatements()
  const world = await createWorld(readConfig(process.env))
  await world.redis.ready(5_000)
  const { port } = await startWeb(world, withoutLimits(product), 0)

  async function announce({ channel, count, transactions = 1 }: Questions['announce']['sent']): Promise<null> {
    const each = count / transactions
    await Promise.all(
      Array.from({ length: transactions }, (_, index) =>
        emitEvents(
          world,
          Array.from({ length: each }, (_, n) => [channel, index * each + n] as const),
        ),
      ),
    )
    return null
  }

  async function stream({ channels, perSecond, count, first, step }: Stream): Promise<Told[]> {
    const told: Promise<Told>[] = []
    await paced(count, perSecond, index => {
      const n = first + index * step
      const channel = channels[n % channels.length] ?? ''
      told.push(statements.committedAt(() => emitEvents(world, [[channel, n]])).then(atUs => [n, atUs]))
    })
    return Promise.all(told)
  }

  return {
    port,
    answers: {
      announce,
      stream,
      write: writing => write(world, writing),
      prepareUpload: file => prepareUpload(world, file),
      processUpload: upload => processUpload(world, upload),
      judgeUpload: upload => judgeUpload(world, upload),
      statements: async () => statements.take(),
    },
  }
}

const emitEvents = (world: World, events: readonly (readonly [channel: string, n: number])[]): Promise<void> =>
  transact({ world, product, actor: null, requestId: randomUUID() }, async ({ emit }) => {
    for (const [channel, n] of events) await emit(said, dataOf(channel, n))
  })

/** Writes `count` events, or plain rows of the same shape, by `writers` in parallel. */
async function write(world: World, { as, channels, writers, count }: Writing): Promise<null> {
  plainPool ??= new Pool({ connectionString: world.db.url, max: writers })
  const pool = plainPool
  const channelOf = (n: number) => channels[n % channels.length] ?? ''
  const writeOne = {
    events: (n: number) => emitEvents(world, [[channelOf(n), n]]),
    appends: async (n: number) => {
      const { id, name, at, channel, data } = rowOf(channelOf(n))
      const shard = shardOf(channel)
      await pool.query(appendOf([{ shard, channel, id, name, at: at.toISOString(), data: JSON.stringify(data) }]))
      world.channels.wake([shard])
    },
    rows: async (n: number) => {
      await pool.query({ name: 'bench-row', text: insert, values: Object.values(rowOf(channelOf(n))) })
    },
    'rows in transactions': (n: number) =>
      world.db.transaction(() => world.db.call(insert, Object.values(rowOf(channelOf(n))))),
  }[as]
  let left = count
  const writer = async () => {
    while (left > 0) await writeOne((left -= 1))
  }
  await Promise.all(Array.from({ length: writers }, writer))
  return null
}

let plainPool: Pool | undefined
let rowsMade = 0

const insert = 'insert into bench_rows (channel, "offset", id, name, at, data) values ($1, $2, $3, $4, $5, $6)'

const rowOf = (channel: string) => ({
  channel,
  offset: (rowsMade += 1),
  id: randomUUID(),
  name: said.name,
  at: new Date(),
  data: dataOf(channel, rowsMade),
})

/** Raises the rate limits: they are still counted, but never reached. */
const withoutLimits = (original: Product): Product => ({
  ...original,
  operations: original.operations.map(op => ({ ...op, limit: { perMinute: 1_000_000_000 } })),
})
