import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { findInPath, type Host } from './host'
import { runCommand } from './run-command'
import { withFileLock } from './with-file-lock'

type Log = (line: string) => void

/**
 * Installs Debian packages that are missing, without starting any service.
 * @throws Error without apt-get, or when packages are missing and the process does not run as root.
 */
export async function installPackages(packages: string[], log: Log, host: Host): Promise<void> {
  if (!(await findInPath(host, ['apt-get']))) throw new Error('apt-get was not found')
  if (await areInstalled(packages)) return
  if (!host.isRoot) throw new Error(`installing ${packages.join(', ')} needs root`)
  await withFileLock('/run/tutti-apt.lock', async () => {
    if (await areInstalled(packages)) return
    log(`Installing ${packages.join(', ')}`)
    const env = { ...host.env, ...withoutServices }
    const install = () =>
      runCommand('apt-get', ['install', '-y', '--no-install-recommends', ...lockTimeout, ...packages], { env })
    await retryAfterUpdate(install, () => runCommand('apt-get', ['update', ...lockTimeout], { env }))
  })
}

/**
 * Unpacks a Debian package and its missing dependencies into the cache, with a script `bin/<program>` that sets the library
 * path. Needs no root and installs nothing.
 */
export async function unpackPackageToCache(name: string, programs: string[], log: Log, host: Host): Promise<void> {
  await mkdir(join(host.cache, 'bin'), { recursive: true })
  await withFileLock(join(host.cache, 'lock'), async () => {
    const target = join(host.cache, name)
    if (!existsSync(target)) await download(name, target, log, host)
    for (const program of programs) await writeWrapper(program, target, join(host.cache, 'bin'))
  })
}

// Without these, a package's install script starts its service on the standard port. `RUNLEVEL` is for sysvinit,
// `SYSTEMD_OFFLINE` for systemd.
const withoutServices = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', SYSTEMD_OFFLINE: '1' }
const lockTimeout = ['-o', 'DPkg::Lock::Timeout=120']

async function areInstalled(packages: string[]): Promise<boolean> {
  const state = await runCommand('dpkg-query', ['-W', '-f=${db:Status-Status}\n', ...packages]).catch(() => '')
  const lines = state.trim().split('\n')
  return lines.length === packages.length && lines.every(line => line === 'installed')
}

/** Updates the package lists only after a failure, because that is the slowest step and mostly not needed. */
async function retryAfterUpdate(work: () => Promise<unknown>, update: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch {
    await update()
    await work()
  }
}

async function download(name: string, target: string, log: Log, host: Host): Promise<void> {
  const unfinished = `${target}.unfinished`
  const archives = join(unfinished, 'archives')
  const lists = join(host.cache, 'apt')
  let options: string[] = []

  const fetchArchives = async () => {
    await rm(unfinished, { recursive: true, force: true })
    await mkdir(archives, { recursive: true })
    const missing = await missingPackages(name, options, host)
    log(`Unpacking ${missing.length} packages for ${name}`)
    await runCommand('apt-get', [...options, 'download', ...missing], { cwd: archives, env: host.env })
  }
  await retryAfterUpdate(fetchArchives, async () => {
    options = await privateLists(lists)
    await runCommand('apt-get', [...options, 'update'], { env: host.env })
  })

  await rm(lists, { recursive: true, force: true })
  for (const archive of await readdir(archives))
    await runCommand('dpkg-deb', ['-x', join(archives, archive), unfinished])
  await rm(archives, { recursive: true })
  await rename(unfinished, target)
}

/** The packages that apt would install. Upgrades are skipped: within one release the installed version works. */
async function missingPackages(name: string, options: string[], host: Host): Promise<string[]> {
  const plan = await runCommand('apt-get', [...options, '-s', 'install', '--no-install-recommends', name], {
    env: host.env,
  })
  const missing = [...plan.matchAll(/^Inst (\S+) \(/gm)].flatMap(([, found]) => found ?? [])
  return missing.length > 0 ? missing : [name]
}

/** Options for private package lists, because only root may update the system's. */
async function privateLists(folder: string): Promise<string[]> {
  const lists = join(folder, 'lists')
  const cache = join(folder, 'cache')
  await mkdir(join(lists, 'partial'), { recursive: true })
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true })
  return ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`]
}

async function writeWrapper(program: string, target: string, bin: string): Promise<void> {
  const binary = ['usr/bin', 'usr/sbin'].map(folder => join(target, folder, program)).find(file => existsSync(file))
  if (binary === undefined) return
  const path = (await libraryFolders(target)).map(folder => `"$here"/${relative(bin, folder)}`).join(':')
  const script = `#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=${path} exec "$here"/${relative(bin, dirname(binary))}/${program} "$@"
`
  const unfinished = join(bin, `.${program}`)
  await writeFile(unfinished, script)
  await chmod(unfinished, 0o755)
  await rename(unfinished, join(bin, program))
}

async function libraryFolders(target: string): Promise<string[]> {
  const files = await readdir(target, { recursive: true, withFileTypes: true })
  const libraries = files.filter(file => /\.so(\.[\d.]+)?$/.test(file.name) && /\/lib(\/|$)/.test(file.parentPath))
  return [...new Set(libraries.map(file => file.parentPath))]
}
