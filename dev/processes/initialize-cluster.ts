import { existsSync } from 'node:fs'
import { readFile, rename, rm } from 'node:fs/promises'
import { supervise } from './supervise'

export interface ClusterOptions {
  data: string
  /** The command prefix and initdb. */
  initdb: string[]
  logFile: string
  log: ((line: string) => void) | undefined
}

/** Runs initdb unless the cluster exists. Creates it beside and renames it, so that an interrupted run never looks complete. */
export async function initializeCluster({ data, initdb, logFile, log: say }: ClusterOptions): Promise<void> {
  if (existsSync(data)) return
  say?.('Creating a PostgreSQL cluster')
  const unfinished = `${data}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  const [command = '', ...args] = [...initdb, '--pgdata', unfinished, ...initdbOptions]
  await using process = supervise(command, args, { name: 'initdb', logFile, env })
  const { code, signal } = await process.exited
  if (code !== 0) {
    const log = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-15).join('\n')
    throw new Error(`initdb failed (${signal ?? `exit code ${String(code)}`}). ${logFile} ends with:\n${log}`)
  }
  await rename(unfinished, data)
}

// The builtin locale provider makes sorting and lower() the same on every machine. No password, because the server listens on
// loopback only. No sync, because a cluster that is lost during creation is created again.
const initdbOptions = [
  ...['--username=tutti', '--auth=trust', '--no-sync'],
  ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
]

const env = { ...process.env, LC_ALL: 'C' }
