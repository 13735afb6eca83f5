import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Random } from './random'

export interface CuttingProxy extends AsyncDisposable {
  url: string
  /** Cuts each of its connections with this chance, at whatever byte it is. */
  cut(chance: number, random: Random): void
}

/** A TCP proxy on 127.0.0.1 before a server; before several, each connection goes to one by chance. */
export async function cuttingProxy(ports: readonly number[], random: Random): Promise<CuttingProxy> {
  const open = new Set<Socket>()
  const server = createServer(near => {
    const far = connect({ host: '127.0.0.1', port: random.pick(ports) })
    open.add(near)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.setNoDelay(true)
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
      one.pipe(other)
    }
    near.on('close', () => open.delete(near))
  })
  await new Promise<void>(resolve => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve))
  const cut = (chance: number, random: Random) => {
    for (const near of open) if (random.next() < chance) near.resetAndDestroy()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    [Symbol.asyncDispose]: async () => {
      for (const near of open) near.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
