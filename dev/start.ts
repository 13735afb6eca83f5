import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig, readEnvironment } from '../kernel/platform/config'
import { migrateUp } from '../migrations/migrate'
import { addDemoData } from './demo-data'
import { startNodeProcess } from './start-node-process'
import { withProgress } from './with-progress'
import { recordRunningStack, stackFolder, readPort, readRunningStack } from './running-stack'
import { startStack } from './stack'
import { welcomeMessage } from './welcome-message'

const log = (line: string) => process.stdout.write(`  ${line}\n`)

/** `npm start`: runs the embedded stack, two nodes and a worker until a signal stops them. */
async function main(): Promise<void> {
  const startedAt = performance.now()
  const variables = readEnvironment()
  const port = readPort(variables)
  if (await readRunningStack(port))
    throw new Error(`A stack runs on port ${port} already or is shutting down. Wait, or choose another port with PORT.`)
  const folder = stackFolder(port)
  const logs = join(folder, 'logs')
  await mkdir(logs, { recursive: true })

  const parts: AsyncDisposable[] = []
  const stopSignal = waitForStopSignal()
  try {
    const ports = { issuer: port + 2, s3: port + 3, edge: port + 4 }
    const stack = await withProgress('The embedded stack', startStack({ folder, variables, ports, log }), log)
    parts.unshift(stack)
    const shared: Record<string, string> = {
      NODE_ENV: 'development',
      DRAIN_SECONDS: '1',
      ...withoutUndefined(variables),
      ...stack.variables,
    }
    // Report all configuration errors here rather than in the logs of three processes.
    readConfig(shared)
    const applied = await withProgress('Migrations', migrateUp(shared.DATABASE_URL ?? ''), log)
    if (applied.length > 0) log(`Applied ${applied.length} migrations`)

    const processes = [
      startNodeProcess('node-1', { ...shared, PORT: String(port), ROLES: 'web' }, logs, log),
      startNodeProcess('node-2', { ...shared, PORT: String(port + 1), ROLES: 'web' }, logs, log),
      startNodeProcess('worker', { ...shared, PORT: '0', ROLES: 'worker' }, logs, log),
    ]
    parts.unshift(...processes)
    await withProgress('Two nodes and a worker', Promise.all(processes.map(({ ready }) => ready)), log)

    const nodes = [`http://localhost:${port}`, `http://localhost:${port + 1}`]
    // Disposed last, because the ports and folders stay in use until everything else has stopped.
    parts.push(await recordRunningStack(port, { pid: process.pid, nodes, issuer: stack.issuer?.issuer }))
    if (stack.issuer !== undefined)
      await withProgress(
        'Demo data',
        addDemoData(join(folder, 'demo'), nodes[0] ?? '', stack.issuer, shared.FFMPEG_PATH ?? 'ffmpeg'),
        log,
      )
    process.stdout.write(welcomeMessage({ port, logs, seconds: (performance.now() - startedAt) / 1000 }))
    await stopSignal
  } finally {
    log('Stopping …')
    for (const part of parts) await part[Symbol.asyncDispose]()
  }
}

const withoutUndefined = (variables: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

function waitForStopSignal(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
    // The IPC channel closes when the command that started this process is killed.
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
