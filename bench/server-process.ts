import { readEventLoopLag } from './servers/event-loop-lag'
import { startCpuProfile } from './servers/cpu-profile'
import { type RequestHandlers, type BenchServer } from './servers/server'

/** Imported on demand, so that a bare server does not load the code of Tutti. */
export const serverKinds = {
  tutti: async () => (await import('./servers/tutti.js')).serveTutti(),
  usual: async () => (await import('./servers/usual.js')).serveUsual(),
  bare: async () => (await import('./servers/bare.js')).serveBare(),
  raw: async () => (await import('./servers/raw.js')).serveRaw(),
} satisfies Record<string, () => Promise<BenchServer>>
export type ServerKind = keyof typeof serverKinds

/** Entry point of a server process, Tutti or a bare one; its own process, so that its CPU time can be measured. */
async function main(kind: string | undefined): Promise<void> {
  if (!isKind(kind)) throw new Error(`unknown subject: ${String(kind)}`)
  const { port, answers } = await serverKinds[kind]()
  const handlers: RequestHandlers = { cpu, memory, lateness: readEventLoopLag, ...answers }
  process.on('message', (message: { id: number; question: keyof RequestHandlers; sent: never }) => {
    const { id, question, sent } = message
    const answer = handlers[question] ?? (async () => Promise.reject(new Error(`${kind} cannot ${question}`)))
    Promise.resolve(answer(sent)).then(
      answered => process.send?.({ id, answered }),
      (error: unknown) => process.send?.({ id, fault: error instanceof Error ? error.stack : String(error) }),
    )
  })
  const { BENCH_PROFILE: profile } = process.env
  const stopProfile = profile === undefined ? undefined : startCpuProfile(profile)
  process.on('disconnect', () => {
    stopProfile?.()
    process.exit(0)
  })
  process.send?.({ port })
}

const isKind = (kind: string | undefined): kind is ServerKind => kind !== undefined && kind in serverKinds

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
