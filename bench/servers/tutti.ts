import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { type Registry } from '../../kernel/pipeline/registry'
import { transact } from '../../kernel/pipeline/transact'
import { createAppContext, type AppContext } from '../../kernel/platform/app-context'
import { insertInboxStatement, shardOf } from '../../kernel/events/channel-log'
import { readConfig } from '../../kernel/platform/config'
import { startWeb } from '../../server/main'
import { registry } from '../../skills'
import { runProcessing, prepareUpload, processToReady } from './processing'
import { dataOf, benchEvent } from './bench-event'
import { countStatements } from './count-statements'
import {
  paced,
  type ServerRequests,
  type SteadyEvents,
  type BenchServer,
  type EmittedAt,
  type WriteLoad,
} from './server'

/** A production node; emitted events go through the whole pipeline of an operation. */
export async function serveTutti(): Promise<BenchServer> {
  const statements = countStatements()
  const app = await createAppContext(readConfig(process.env))
  await app.redis.ready(5_000)
  const { port } = await startWeb(app, withoutLimits(registry), 0)

  async function announce({ channel, count, transactions = 1 }: ServerRequests['announce']['sent']): Promise<null> {
    const each = count / transactions
    await Promise.all(
      Array.from({ length: transactions }, (_, index) =>
        emitEvents(
          app,
          Array.from({ length: each }, (_, n) => [channel, index * each + n] as const),
        ),
      ),
    )
    return null
  }

  async function stream({ channels, perSecond, count, first, step }: SteadyEvents): Promise<EmittedAt[]> {
    const told: Promise<EmittedAt>[] = []
    await paced(count, perSecond, index => {
      const n = first + index * step
      const channel = channels[n % channels.length] ?? ''
      told.push(statements.committedAt(() => emitEvents(app, [[channel, n]])).then(atUs => [n, atUs]))
    })
    return Promise.all(told)
  }

  return {
    port,
    answers: {
      announce,
      stream,
      write: writing => write(app, writing),
      prepareUpload: file => prepareUpload(app, file),
      processUpload: upload => processToReady(app, upload),
      judgeUpload: upload => runProcessing(app, upload),
      statements: async () => statements.take(),
    },
  }
}

const emitEvents = (app: AppContext, events: readonly (readonly [channel: string, n: number])[]): Promise<void> =>
  transact({ app, registry, actor: null, requestId: randomUUID() }, async ({ emit }) => {
    for (const [channel, n] of events) await emit(benchEvent, dataOf(channel, n))
  })

/** Writes `count` events, or plain rows of the same shape, by `writers` in parallel. */
async function write(app: AppContext, { as, channels, writers, count }: WriteLoad): Promise<null> {
  plainPool ??= new Pool({ connectionString: app.db.url, max: writers })
  const pool = plainPool
  const channelOf = (n: number) => channels[n % channels.length] ?? ''
  const writeOne = {
    events: (n: number) => emitEvents(app, [[channelOf(n), n]]),
    appends: async (n: number) => {
      const { id, name, at, channel, data } = rowOf(channelOf(n))
      const shard = shardOf(channel)
      await pool.query(
        insertInboxStatement([{ shard, channel, id, name, at: at.toISOString(), data: JSON.stringify(data) }]),
      )
      app.channelLog.notifyRelays([shard])
    },
    rows: async (n: number) => {
      await pool.query({ name: 'bench-row', text: insert, values: Object.values(rowOf(channelOf(n))) })
    },
    'rows in transactions': (n: number) =>
      app.db.transaction(() => app.db.queryBound(insert, Object.values(rowOf(channelOf(n))))),
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
  name: benchEvent.name,
  at: new Date(),
  data: dataOf(channel, rowsMade),
})

/** Raises the rate limits: they are still counted, but never reached. */
const withoutLimits = (original: Registry): Registry => ({
  ...original,
  operations: original.operations.map(op => ({ ...op, limit: { perMinute: 1_000_000_000 } })),
})
