import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A TCP port of 127.0.0.1 that nobody listens on right now.
 *
 * It lies below the range from which systems number outgoing connections: such a port could be taken while its server
 * restarts, even by the client that keeps knocking on it (TCP lets a connection meet itself).
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const port = randomInt(lowestPort, firstOutgoingPort)
    if (await isFree(port)) return port
  }
  throw new Error(`No free port found between ${lowestPort} and ${firstOutgoingPort}`)
}

const lowestPort = 15_000
const firstOutgoingPort = 32_768
const attemptsMax = 100

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
