import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { createAdapter } from '@socket.io/redis-adapter'
import express from 'express'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { Server } from 'socket.io'
import { frameOf } from './bench-event'
import { nowUs, paced, type ServerRequests, type SteadyEvents, type BenchServer, type EmittedAt } from './server'

/**
 * The minimal server with the same packages: no tokens, limits, validation or log; one prepared query; rooms over the Redis adapter.
 */
export async function serveBare(): Promise<BenchServer> {
  const { REDIS_HOST: host = '', REDIS_PORT = '', REDIS_PREFIX: prefix = '' } = process.env
  const [publisher, subscriber] = [new Redis(Number(REDIS_PORT), host), new Redis(Number(REDIS_PORT), host)]
  const app = express()
  app.get('/api/v1/me', async (_request, response) => {
    response.json(await me())
  })
  app.post('/api/v1/tracks/:trackId/stream', express.json(), (_request, response) => {
    response.json(grant)
  })
  const http = createServer(app)
  const adapter = createAdapter(publisher, subscriber, { key: `${prefix}:bare` })
  const io = new Server(http, { adapter, serveClient: false, perMessageDeflate: false, httpCompression: false })
  io.on('connection', socket => {
    socket.on('user-profile.getMe', (_sent: unknown, ack: (reply: unknown) => void) => void me().then(ack))
    socket.on('channel.follow', ({ input }: { input: { channel: string } }, ack: (reply: unknown) => void) => {
      void socket.join(input.channel)
      ack({ data: input })
    })
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))

  const emit = (channel: string, n: number) => io.to(channel).emit('events', frameOf(channel, n, randomUUID()))
  let announced = 0

  async function announce({ channel, count }: ServerRequests['announce']['sent']): Promise<null> {
    for (let n = 0; n < count; n += 1) emit(channel, (announced += 1))
    return null
  }

  async function stream({ channels, perSecond, count, first, step }: SteadyEvents): Promise<EmittedAt[]> {
    const told: EmittedAt[] = []
    await paced(count, perSecond, index => {
      const n = first + index * step
      told.push([n, nowUs()])
      emit(channels[n % channels.length] ?? '', n)
    })
    return told
  }

  return { port: (http.address() as AddressInfo).port, answers: { announce, stream } }
}

/** Same size as Tutti's response. */
const grant = {
  data: { url: 'https://cdn.example/'.padEnd(700, 'x'), hls: { url: 'y'.repeat(700) }, more: 'z'.repeat(1_200) },
}

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 6 })
const query = { name: 'me', text: 'select * from profiles where subject = $1', values: [process.env.BENCH_SUBJECT] }
const me = async () => ({ data: (await pool.query<Record<string, unknown>>(query)).rows[0] })
