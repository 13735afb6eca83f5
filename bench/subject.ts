import { lateness } from './subjects/lateness'
import { startProfile } from './subjects/profile'
import { type Answers, type Subject } from './subjects/subject'

/** Imported on demand, so that a bare server does not load the code of Tutti. */
export const kinds = {
  tutti: async () => (await import('./subjects/tutti.js')).serveTutti(),
  bare: async () => (await import('./subjects/bare.js')).serveBare(),
  raw: async () => (await import('./subjects/raw.js')).serveRaw(),
} satisfies Record<string, () => Promise<Subject>>
export type Kind = keyof typeof kinds

/** Entry point of a server process, Tutti or a bare one; its own process, so that its CPU time can be measured. */
async function main(kind: string | undefined): Promise<void> {
  if (!isKind(kind)) throw new Error(`unknown subject: ${String(kind)}`)
  const { port, answers } = await kinds[kind]()
  const handlers: Answers = { cpu, memory, lateness, ...answers }
  process.on('message', (message: { id: number; question: keyof Answers; sent: never }) => {
    const { id, question, sent } = message
    const answer = handlers[question] ?? (async () => Promise.reject(new Error(`${kind} cannot ${question}`)))
    Promise.resolve(answer(sent)).then(
      answered => process.send?.({ id, answered }),
      (error: unknown) => process.send?.({ id, fault: error instanceof Error ? error.stack : String(error) }),
    )
  })
  const { BENCH_PROFILE: profile } = process.env
  const stopProfile = profile === undefined ? undefined : startProfile(profile)
  process.on('disconnect', () => {
    stopProfile?.()
    process.exit(0)
  })
  process.send?.({ port })
}

const isKind = (kind: string | undefined): kind is Kind => kind !== undefined && kind in kinds

async function cpu(): Promise<number> {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Collects garbage several times: memory freed by finalizers is only released by the next collection. */
async function memory(): Promise<{ resident: number; heap: number }> {
  for (let times = 0; times < 4; times += 1) {
    globalThis.gc?.()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const { rss, heapUsed } = process.memoryUsage()
  return { resident: rss, heap: heapUsed }
}

if (require.main === module) void main(process.argv[2])
