import { existsSync } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'

/** What looking for tools depends on; tests describe hosts that they do not run on. */
export interface Host {
  platform: NodeJS.Platform
  isRoot: boolean
  env: NodeJS.ProcessEnv
  /** Folder for what is unpacked rather than installed. */
  cache: string
}

export const thisHost: Host = {
  platform: process.platform,
  isRoot: process.getuid?.() === 0,
  env: process.env,
  cache: join(projectRoot(__dirname), '.tutti', 'tools'),
}

/** The first of the names that is an executable file on the host's PATH, or where servers are kept. */
export async function inPath(host: Host, names: string[]): Promise<string | undefined> {
  const path = (host.env.PATH ?? '').split(delimiter).filter(folder => folder !== '')
  const folders = [...path, '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin']
  for (const name of names) {
    for (const folder of folders) {
      const file = join(folder, name)
      if (await isExecutable(file)) return file
    }
  }
  return undefined
}

export async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Compiled code lies deeper than its source, so the way up is not a fixed number of steps. */
function projectRoot(folder: string): string {
  const up = dirname(folder)
  return up === folder || existsSync(join(folder, 'package.json')) ? folder : projectRoot(up)
}
