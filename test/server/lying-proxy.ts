import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** What a network may do to us: pass everything on, refuse everybody, or swallow every byte without a word. */
export type Mood = 'honest' | 'dead' | 'silent'

/** A TCP proxy on 127.0.0.1 before a server; a change of mood cuts the connections that are there. */
export async function lyingProxy(host: string, port: number) {
  const open = new Set<Socket>()
  let mood: Mood = 'honest'
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  const server = createServer(near => {
    open.add(near)
    near.on('error', () => undefined)
    near.on('close', () => open.delete(near))
    if (mood === 'dead') near.destroy()
    if (mood !== 'honest') return
    const far = connect({ host, port })
    far.on('error', () => near.destroy())
    far.on('close', () => near.destroy())
    near.on('close', () => far.destroy())
    near.pipe(far).pipe(near)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    become(next: Mood) {
      mood = next
      cut()
    },
    /** Cuts what is connected; who comes again is served. */
    cut,
    [Symbol.asyncDispose]: async () => {
      cut()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
