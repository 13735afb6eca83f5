import { resolve } from 'node:path'
import { installPackages, unpackPackageToCache } from './apt'
import { findInPath, isExecutable, thisHost, type Host } from './host'

export type ToolName = keyof typeof tools
export type LogLine = (line: string) => void

/**
 * The absolute path of a program. A missing one is installed on Debian and Ubuntu: with apt as root, otherwise unpacked into
 * the project's cache. A variable such as TUTTI_REDIS_SERVER overrides the path.
 * @throws Error that says how to install it.
 */
export async function findTool(name: ToolName, log: LogLine = () => undefined, host: Host = thisHost): Promise<string> {
  const path = (await findInstalled(name, host)) ?? (await install(name, log, host))
  if (path === undefined) throw new Error(installHint(name, host))
  return path
}

/** Whether the program is available without installing anything. */
export async function hasTool(name: ToolName, host: Host = thisHost): Promise<boolean> {
  return (await findInstalled(name, host)) !== undefined
}

/** Installs an optional Debian package, such as asc-music. Resolves with whether it is installed. Never rejects. */
export async function installPackage(
  name: string,
  log: LogLine = () => undefined,
  host: Host = thisHost,
): Promise<boolean> {
  return installPackages([name], log, host).then(
    () => true,
    (error: unknown) => {
      log(`Continuing without ${name}: ${error instanceof Error ? error.message : String(error)}`)
      return false
    },
  )
}

/** `names`: possible names of the program; `debian`, `brew`: the packages that contain it. */
const tools = {
  'redis-server': { names: ['redis-server', 'valkey-server'], debian: 'redis-server', brew: 'redis' },
  ffmpeg: { names: ['ffmpeg'], debian: 'ffmpeg', brew: 'ffmpeg' },
  ffprobe: { names: ['ffprobe'], debian: 'ffmpeg', brew: 'ffmpeg' },
  nginx: { names: ['nginx'], debian: 'nginx', brew: 'nginx' },
  fpcalc: { names: ['fpcalc'], debian: 'libchromaprint-tools', brew: 'chromaprint' },
}

async function findInstalled(name: ToolName, host: Host): Promise<string | undefined> {
  const variable = variableOf(name)
  const chosen = host.env[variable]
  if (!chosen) return (await findInPath(host, tools[name].names)) ?? (await findUnpacked(name, host))
  if (await isExecutable(chosen)) return resolve(chosen)
  throw new Error(`${variable} is ${chosen}, which is not an executable file`)
}

async function findUnpacked(name: ToolName, host: Host): Promise<string | undefined> {
  return findInPath({ ...host, env: { PATH: `${host.cache}/bin` } }, tools[name].names)
}

async function install(name: ToolName, log: LogLine, host: Host): Promise<string | undefined> {
  if (host.platform !== 'linux' || !(await findInPath(host, ['apt-get']))) return undefined
  const { debian, names } = tools[name]
  try {
    await (host.isRoot ? installPackages([debian], log, host) : unpackPackageToCache(debian, names, log, host))
  } catch (error) {
    throw new Error(installHint(name, host), { cause: error })
  }
  return findInstalled(name, host)
}

function installHint(name: ToolName, host: Host): string {
  const { debian, brew } = tools[name]
  const command = host.platform === 'darwin' ? `brew install ${brew}` : `sudo apt-get install ${debian}`
  return `${name} is missing. Install it (\`${command}\` or your system's equivalent), or set ${variableOf(name)} to its path.`
}

function variableOf(name: ToolName): string {
  return `TUTTI_${name.toUpperCase().replaceAll('-', '_')}`
}
