import { existsSync } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'

/** The properties of a machine that finding tools depends on; tests pass hosts other than their own. */
export interface Host {
  platform: NodeJS.Platform
  isRoot: boolean
  env: NodeJS.ProcessEnv
  /** The folder for packages that are unpacked instead of installed. */
  cache: string
}

export const thisHost: Host = {
  platform: process.platform,
  isRoot: process.getuid?.() === 0,
  env: process.env,
  cache: join(projectRoot(__dirname), '.tutti', 'tools'),
}

/** The path of the first name that is an executable file on the host's PATH or in the usual server folders. */
export async function findInPath(host: Host, names: string[]): Promise<string | undefined> {
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

/** Searches upwards, because compiled code lies deeper than its source. */
function projectRoot(folder: string): string {
  const parent = dirname(folder)
  return parent === folder || existsSync(join(folder, 'package.json')) ? folder : projectRoot(parent)
}
