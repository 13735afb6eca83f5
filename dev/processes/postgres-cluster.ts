import { existsSync } from 'node:fs'
import { readFile, rename, rm } from 'node:fs/promises'
import { supervise } from './supervise'

export interface ClusterOptions {
  data: string
  /** initdb and the words before it. */
  initdb: string[]
  logFile: string
  say: ((line: string) => void) | undefined
}

/** Runs initdb unless the cluster is there. It is made aside and renamed, so an interrupted one never looks finished. */
export async function initialiseCluster({ data, initdb, logFile, say }: ClusterOptions): Promise<void> {
  if (existsSync(data)) return
  say?.('Making a new PostgreSQL cluster')
  const unfinished = `${data}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  const [command = '', ...args] = [...initdb, '--pgdata', unfinished, ...choices]
  await using process = supervise(command, args, { name: 'initdb', logFile, env })
  const { code, signal } = await process.exited
  if (code !== 0) {
    const log = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-15).join('\n')
    throw new Error(`initdb failed (${signal ?? `exit code ${String(code)}`}). ${logFile} ends with:\n${log}`)
  }
  await rename(unfinished, data)
}

// Sorting and lower() must not depend on the machine; the builtin provider is the same everywhere. Loopback only, so no
// password is asked for. Nothing is synced, as a cluster lost while it is made is simply made again.
const choices = [
  ...['--username=tutti', '--auth=trust', '--no-sync'],
  ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
]

const env = { ...process.env, LC_ALL: 'C' }
