import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type AddressInfo } from 'node:net'

/** A wire to a node that can be cut: a proxy for bytes. */
export interface Wire extends AsyncDisposable {
  url: string
  /** Ends every connection, as a network that fails does. */
  cut(): void
  /** Ends every connection when the server is about to answer, which is then lost; later connections are not harmed. */
  cutAtNextAnswer(): void
  /** From now on connections are refused, or taken again. */
  refuse(isRefusing: boolean): void
  /** From now on connections lead to another node; those that are open stay. */
  lead(target: string): void
  /** From now on a connection ends when a request on it fits, as a proxy that does not know such a thing may do. */
  block(request?: RegExp): void
}

export async function openWire(target: string): Promise<Wire> {
  let port = Number(new URL(target).port)
  const open = new Set<Socket>()
  let losesAnswers = false
  let isRefusing = false
  let blocked: RegExp | undefined
  const cut = () => {
    losesAnswers = false
    for (const side of open) side.destroy()
  }
  const server = createServer(near => {
    if (isRefusing) {
      near.destroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    for (const side of [near, far]) {
      open.add(side)
      side.on('error', () => undefined)
      side.on('close', () => {
        open.delete(side)
        near.destroy()
        far.destroy()
      })
    }
    near.on('data', (bytes: Buffer) => {
      if (blocked?.test(bytes.toString('latin1')) === true) near.destroy()
      else far.write(bytes)
    })
    far.on('data', bytes => (losesAnswers ? cut() : near.write(bytes)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    cutAtNextAnswer: () => {
      losesAnswers = true
    },
    refuse: value => {
      isRefusing = value
    },
    lead: other => {
      port = Number(new URL(other).port)
    },
    block: request => {
      blocked = request
      if (request !== undefined) cut()
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
