import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { anyCore, nodeOptions, pin, serverCore } from './machine'
import { type Kind } from './subject'
import { type Questions } from './subjects/subject'

/** A running server in its own process, on the servers' core. */
export interface RunningSubject {
  kind: Kind
  port: number
  pid: number
  /** Sends a request to the server process; rejects with its error. */
  ask<Q extends keyof Questions>(question: Q, sent: Questions[Q]['sent']): Promise<Questions[Q]['answered']>
  /** Measures the CPU time of the server process during `work`, in microseconds. */
  cost(work: () => Promise<unknown>): Promise<number>
  end(): Promise<void>
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

export async function startSubject(
  kind: Kind,
  env: NodeJS.ProcessEnv,
  { execArgv, isFree, onCrash }: { execArgv: string[]; isFree: boolean; onCrash: (error: Error) => void },
): Promise<RunningSubject> {
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

  const subject: RunningSubject = {
    kind,
    port: first.port,
    pid: child.pid,
    ask: (question, sent) =>
      new Promise((resolve, reject) => {
        const id = nextId++
        pending.set(id, { resolve, reject })
        child.send({ id, question, sent })
      }),
    async cost(work) {
      const before = await subject.ask('cpu', null)
      await work()
      return (await subject.ask('cpu', null)) - before
    },
    async end() {
      isEnding = true
      if (child.connected) child.disconnect()
      await exited
    },
  }
  return subject
}
