import { resolve } from 'node:path'
import { installPackages, unpackPackage } from './apt'
import { inPath, isExecutable, thisHost, type Host } from './host'

export type Tool = keyof typeof tools
export type Say = (line: string) => void

/**
 * The absolute path of a program, fetched first where that is possible: on Debian and Ubuntu installed as root, otherwise
 * unpacked into the project's cache. A variable such as TUTTI_REDIS_SERVER names another one. Rejects, saying what to do.
 */
export async function findTool(name: Tool, say: Say = () => undefined, host: Host = thisHost): Promise<string> {
  const found = (await present(name, host)) ?? (await fetched(name, say, host))
  if (found === undefined) throw new Error(advice(name, host))
  return found
}

/** Is the program there without fetching anything? */
export async function hasTool(name: Tool, host: Host = thisHost): Promise<boolean> {
  return (await present(name, host)) !== undefined
}

/** Installs a Debian package that is nice to have, such as asc-music. True if it is there in the end. Never rejects. */
export async function installPackage(
  name: string,
  say: Say = () => undefined,
  host: Host = thisHost,
): Promise<boolean> {
  return installPackages([name], say, host).then(
    () => true,
    (error: unknown) => {
      say(`Going on without ${name}: ${error instanceof Error ? error.message : String(error)}`)
      return false
    },
  )
}

/** `names`: what the program may be called; `debian`, `brew`: the packages that bring it. */
const tools = {
  'redis-server': { names: ['redis-server', 'valkey-server'], debian: 'redis-server', brew: 'redis' },
  ffmpeg: { names: ['ffmpeg'], debian: 'ffmpeg', brew: 'ffmpeg' },
  ffprobe: { names: ['ffprobe'], debian: 'ffmpeg', brew: 'ffmpeg' },
  nginx: { names: ['nginx'], debian: 'nginx', brew: 'nginx' },
  fpcalc: { names: ['fpcalc'], debian: 'libchromaprint-tools', brew: 'chromaprint' },
}

async function present(name: Tool, host: Host): Promise<string | undefined> {
  const variable = variableOf(name)
  const chosen = host.env[variable]
  if (!chosen) return (await inPath(host, tools[name].names)) ?? (await unpacked(name, host))
  if (await isExecutable(chosen)) return resolve(chosen)
  throw new Error(`${variable} says ${chosen}, which is not a program that can be run`)
}

async function unpacked(name: Tool, host: Host): Promise<string | undefined> {
  return inPath({ ...host, env: { PATH: `${host.cache}/bin` } }, tools[name].names)
}

async function fetched(name: Tool, say: Say, host: Host): Promise<string | undefined> {
  if (host.platform !== 'linux' || !(await inPath(host, ['apt-get']))) return undefined
  const { debian, names } = tools[name]
  try {
    await (host.isRoot ? installPackages([debian], say, host) : unpackPackage(debian, names, say, host))
  } catch (error) {
    throw new Error(advice(name, host), { cause: error })
  }
  return present(name, host)
}

function advice(name: Tool, host: Host): string {
  const { debian, brew } = tools[name]
  const command = host.platform === 'darwin' ? `brew install ${brew}` : `sudo apt-get install ${debian}`
  return `${name} is missing. Please install it (\`${command}\` or what your system has), or let ${variableOf(name)} name it.`
}

function variableOf(name: Tool): string {
  return `TUTTI_${name.toUpperCase().replaceAll('-', '_')}`
}
