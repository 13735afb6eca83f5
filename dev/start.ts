import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig, variablesOfProcess } from '../kernel/world/config'
import { migrateUp } from '../migrations/migrate'
import { addDemoData } from './demo'
import { startNodeProcess } from './node-process'
import { showing } from './progress'
import { announceRunning, folderOf, portOf, readRunning } from './running'
import { startStack } from './stack'
import { tour } from './tour'

const say = (line: string) => process.stdout.write(`  ${line}\n`)

/** `npm start`: the embedded stack, two nodes and a worker, until a signal ends it. */
async function main(): Promise<void> {
  const startedAt = performance.now()
  const given = variablesOfProcess()
  const port = portOf(given)
  if (await readRunning(port))
    throw new Error(`A stack runs on port ${port} already, or is just ending: wait, or choose another with PORT.`)
  const folder = folderOf(port)
  const logs = join(folder, 'logs')
  await mkdir(logs, { recursive: true })

  const parts: AsyncDisposable[] = []
  const told = untilToldToEnd()
  try {
    const ports = { issuer: port + 2, s3: port + 3, edge: port + 4 }
    const stack = await showing('The embedded stack', startStack({ folder, variables: given, ports, say }), say)
    parts.unshift(stack)
    const shared: Record<string, string> = {
      NODE_ENV: 'development',
      DRAIN_SECONDS: '1',
      ...definedOf(given),
      ...stack.variables,
    }
    // All faults here, rather than in the logs of three processes.
    readConfig(shared)
    const ran = await showing('Migrations', migrateUp(shared.DATABASE_URL ?? ''), say)
    if (ran.length > 0) say(`Migrated: ${ran.length} steps`)

    const processes = [
      startNodeProcess('node-1', { ...shared, PORT: String(port), ROLES: 'web' }, logs, say),
      startNodeProcess('node-2', { ...shared, PORT: String(port + 1), ROLES: 'web' }, logs, say),
      startNodeProcess('worker', { ...shared, PORT: '0', ROLES: 'worker' }, logs, say),
    ]
    parts.unshift(...processes)
    await showing('Two nodes and a worker', Promise.all(processes.map(({ ready }) => ready)), say)

    const nodes = [`http://localhost:${port}`, `http://localhost:${port + 1}`]
    // Taken back last: until then the ports and folders are in use.
    parts.push(await announceRunning(port, { pid: process.pid, nodes, issuer: stack.issuer?.issuer }))
    if (stack.issuer !== undefined)
      await showing(
        'Demo data',
        addDemoData(join(folder, 'demo'), nodes[0] ?? '', stack.issuer, shared.FFMPEG_PATH ?? 'ffmpeg'),
        say,
      )
    process.stdout.write(tour({ port, logs, seconds: (performance.now() - startedAt) / 1000 }))
    await told
  } finally {
    say('Ending …')
    for (const part of parts) await part[Symbol.asyncDispose]()
  }
}

const definedOf = (variables: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

function untilToldToEnd(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
    // The command that started us was killed.
    process.on('disconnect', () => resolve())
  })
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
