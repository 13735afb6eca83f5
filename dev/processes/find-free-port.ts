import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A free TCP port of 127.0.0.1.
 *
 * It lies below the ephemeral port range: an outgoing connection could take an ephemeral port while its server restarts, even
 * the client that keeps reconnecting to it (TCP self-connect).
 */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const port = randomInt(lowestPort, firstEphemeralPort)
    if (await isFree(port)) return port
  }
  throw new Error(`No free port found between ${lowestPort} and ${firstEphemeralPort}`)
}

const lowestPort = 15_000
const firstEphemeralPort = 32_768
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
