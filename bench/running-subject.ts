import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { anyCore, nodeOptions, pin, serverCore } from './machine'
import { type Kind } from './subject'
import { type Questions } from './subjects/subject'

/** A server in a process of its own, on the core of the servers. */
export interface RunningSubject {
  kind: Kind
  port: number
  pid: number
  /** Asks it to do or to tell something; rejects with what went wrong there. */
  ask<Q extends keyof Questions>(question: Q, sent: Questions[Q]['sent']): Promise<Questions[Q]['answered']>
  /** Microseconds of its CPU time that `work` took. */
  cost(work: () => Promise<unknown>): Promise<number>
  end(): Promise<void>
}

interface Message {
  id: number
  answered?: unknown
  fault?: string
}

interface Waiting {
  resolve: (answered: never) => void
  reject: (error: Error) => void
}

export async function startSubject(
  kind: Kind,
  env: NodeJS.ProcessEnv,
  { execArgv, isFree, onCrash }: { execArgv: string[]; isFree: boolean; onCrash: (error: Error) => void },
): Promise<RunningSubject> {
  const child = fork(join(__dirname, 'subject.js'), [kind], { env, execArgv: [...nodeOptions, ...execArgv] })
  const gone = once(child, 'exit')
  const [first] = (await Promise.race([once(child, 'message'), gone])) as [{ port: number } | number | null]
  if (typeof first !== 'object' || first === null || child.pid === undefined)
    throw new Error(`the ${kind} server did not start`)
  await pin(child.pid, isFree ? anyCore : serverCore)

  const waiting = new Map<number, Waiting>()
  let nextId = 0
  child.on('message', ({ id, answered, fault }: Message) => {
    const { resolve, reject } = waiting.get(id) ?? {}
    waiting.delete(id)
    if (fault === undefined) resolve?.(answered as never)
    else reject?.(new Error(`${kind}: ${fault}`))
  })
  let isEnding = false
  child.on('exit', (code, signal) => {
    const error = new Error(`the ${kind} server ended (${signal ?? code})`)
    for (const { reject } of waiting.values()) reject(error)
    if (!isEnding) onCrash(error)
  })

  const subject: RunningSubject = {
    kind,
    port: first.port,
    pid: child.pid,
    ask: (question, sent) =>
      new Promise((resolve, reject) => {
        const id = nextId++
        waiting.set(id, { resolve, reject })
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
      await gone
    },
  }
  return subject
}
