import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { anyCore, nodeOptions, pin, serverCore } from './machine'
import { type ServerKind } from './server-process'
import { type ServerRequests } from './servers/server'

/** A running server in its own process, on the servers' core. */
export interface RunningServer {
  kind: ServerKind
  port: number
  pid: number
  /** Sends a request to the server process; rejects with its error. */
  request<Q extends keyof ServerRequests>(
    question: Q,
    sent: ServerRequests[Q]['sent'],
  ): Promise<ServerRequests[Q]['answered']>
  /** Measures the CPU time of the server process during `work`, in microseconds. */
  measureCpu(work: () => Promise<unknown>): Promise<number>
  stop(): Promise<void>
}

interface Message {
  id: number
  answered?: unknown
  fault?: string
}

interface PendingRequest {
  resolve: (answered: never) => void
  reject: (error: Error) => void
}

export async function startServer(
  kind: ServerKind,
  env: NodeJS.ProcessEnv,
  { execArgv, isFree, onCrash }: { execArgv: string[]; isFree: boolean; onCrash: (error: Error) => void },
): Promise<RunningServer> {
  const child = fork(join(__dirname, 'subject.js'), [kind], { env, execArgv: [...nodeOptions, ...execArgv] })
  const exited = once(child, 'exit')
  const [first] = (await Promise.race([once(child, 'message'), exited])) as [{ port: number } | number | null]
  if (typeof first !== 'object' || first === null || child.pid === undefined)
    throw new Error(`the ${kind} server did not start`)
  await pin(child.pid, isFree ? anyCore : serverCore)

  const pending = new Map<number, PendingRequest>()
  let nextId = 0
  child.on('message', ({ id, answered, fault }: Message) => {
    const { resolve, reject } = pending.get(id) ?? {}
    pending.delete(id)
    if (fault === undefined) resolve?.(answered as never)
    else reject?.(new Error(`${kind}: ${fault}`))
  })
  let isEnding = false
  child.on('exit', (code, signal) => {
    const error = new Error(`the ${kind} server ended (${signal ?? code})`)
    for (const { reject } of pending.values()) reject(error)
    if (!isEnding) onCrash(error)
  })

  const subject: RunningServer = {
    kind,
    port: first.port,
    pid: child.pid,
    request: (question, sent) =>
      new Promise((resolve, reject) => {
        const id = nextId++
        pending.set(id, { resolve, reject })
        child.send({ id, question, sent })
      }),
    async measureCpu(work) {
      const before = await subject.request('cpu', null)
      await work()
      return (await subject.request('cpu', null)) - before
    },
    async stop() {
      isEnding = true
      if (child.connected) child.disconnect()
      await exited
    },
  }
  return subject
}
