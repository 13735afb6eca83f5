import { randomUUID } from 'node:crypto'
import { type AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { frameOf } from './bench-event'
import { type ServerRequests, type BenchServer } from './server'

/** The floor: the `ws` package alone, which sends one prepared text to each connected client. */
export async function serveRaw(): Promise<BenchServer> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, clientTracking: true })
  await new Promise(resolve => server.once('listening', resolve))
  let announced = 0

  async function announce({ channel, count }: ServerRequests['announce']['sent']): Promise<null> {
    for (let n = 0; n < count; n += 1) {
      const text = `42${JSON.stringify(['events', frameOf(channel, (announced += 1), randomUUID())])}`
      for (const client of server.clients) client.send(text)
    }
    return null
  }

  return { port: (server.address() as AddressInfo).port, answers: { announce } }
}
