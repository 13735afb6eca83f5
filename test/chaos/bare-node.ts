import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { createAdapter } from '@socket.io/redis-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'
import { channelOf } from './registry'
import { type Write } from './writer'

/** A minimal server with Socket.IO and its Redis adapter alone: sockets join rooms, writes are emitted and acknowledged. */
function main({ PORT, REDIS_HOST, REDIS_PORT }: NodeJS.ProcessEnv): void {
  const [publisher, subscriber] = [0, 1].map(() => new Redis({ host: REDIS_HOST ?? '', port: Number(REDIS_PORT) }))
  for (const client of [publisher, subscriber]) client?.on('error', () => undefined)
  const http = createServer((request, response) => {
    const respond = (status: number) => response.writeHead(status).end()
    if (request.method !== 'POST') respond(200)
    else void publish(request).then(() => respond(201))
  })
  const io = new Server(http, { adapter: createAdapter(publisher, subscriber), serveClient: false })
  io.on('connection', socket => {
    const { channels } = socket.handshake.auth as { channels: string[] }
    void socket.join(channels)
  })

  async function publish(request: IncomingMessage): Promise<void> {
    const { boards, write, n, pad } = JSON.parse(await text(request)) as Write
    const at = new Date().toISOString()
    for (const channel of boards.map(channelOf)) {
      const events = [{ offset: n, id: write, name: 'chaos.written', at, data: { boards, write, n, pad } }]
      io.to(channel).emit('events', { channel, epoch: 'bare', events })
    }
  }

  process.once('SIGTERM', () => process.exit(0))
  http.listen(Number(PORT), '127.0.0.1')
}

main(process.env)
