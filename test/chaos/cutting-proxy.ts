import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Random } from './random'

export interface CuttingProxy extends AsyncDisposable {
  url: string
  /** Resets each connection with this probability, at any byte. */
  resetConnections(chance: number, random: Random): void
}

/** A TCP proxy on 127.0.0.1 that forwards each connection to a random one of the ports. */
export async function startCuttingProxy(ports: readonly number[], random: Random): Promise<CuttingProxy> {
  const open = new Set<Socket>()
  const server = createServer(client => {
    const upstream = connect({ host: '127.0.0.1', port: random.pick(ports) })
    open.add(client)
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.setNoDelay(true)
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
      one.pipe(other)
    }
    client.on('close', () => open.delete(client))
  })
  await new Promise<void>(resolve => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve))
  const resetConnections = (chance: number, random: Random) => {
    for (const client of open) if (random.next() < chance) client.resetAndDestroy()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    resetConnections,
    [Symbol.asyncDispose]: async () => {
      for (const client of open) client.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
