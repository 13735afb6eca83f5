import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { inPath, type Host } from './host'
import { run } from './run'
import { withLock } from './with-lock'

type Say = (line: string) => void

/** Installs Debian packages unless they are, without starting any service. Rejects if not root's, or without apt. */
export async function installPackages(packages: string[], say: Say, host: Host): Promise<void> {
  if (!(await inPath(host, ['apt-get']))) throw new Error('this system has no apt-get')
  if (await areInstalled(packages)) return
  if (!host.isRoot) throw new Error(`only root may install ${packages.join(', ')}`)
  await withLock('/run/tutti-apt.lock', async () => {
    if (await areInstalled(packages)) return
    say(`Installing ${packages.join(', ')}`)
    const env = { ...host.env, ...quiet }
    const install = () =>
      run('apt-get', ['install', '-y', '--no-install-recommends', ...patience, ...packages], { env })
    await withFreshLists(install, () => run('apt-get', ['update', ...patience], { env }))
  })
}

/**
 * Unpacks a Debian package and all it needs that the system lacks into the cache, with a script `bin/<program>` that finds
 * the libraries. Needs no rights and installs nothing.
 */
export async function unpackPackage(name: string, programs: string[], say: Say, host: Host): Promise<void> {
  await mkdir(join(host.cache, 'bin'), { recursive: true })
  await withLock(join(host.cache, 'lock'), async () => {
    const target = join(host.cache, name)
    if (!existsSync(target)) await download(name, target, say, host)
    for (const program of programs) await wrap(program, target, join(host.cache, 'bin'))
  })
}

// Without these the scripts of a package start its service at once, on the standard port: the first is for sysvinit, the
// second for systemd.
const quiet = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', SYSTEMD_OFFLINE: '1' }
const patience = ['-o', 'DPkg::Lock::Timeout=120']

async function areInstalled(packages: string[]): Promise<boolean> {
  const state = await run('dpkg-query', ['-W', '-f=${db:Status-Status}\n', ...packages]).catch(() => '')
  const lines = state.trim().split('\n')
  return lines.length === packages.length && lines.every(line => line === 'installed')
}

/** Lists are often missing (fresh containers) or too old, but mostly good: reading them anew takes longest, so only then. */
async function withFreshLists(work: () => Promise<unknown>, update: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch {
    await update()
    await work()
  }
}

async function download(name: string, target: string, say: Say, host: Host): Promise<void> {
  const unfinished = `${target}.unfinished`
  const archives = join(unfinished, 'archives')
  const lists = join(host.cache, 'apt')
  let options: string[] = []

  const fetchArchives = async () => {
    await rm(unfinished, { recursive: true, force: true })
    await mkdir(archives, { recursive: true })
    const missing = await missingPackages(name, options, host)
    say(`Unpacking ${missing.length} packages for ${name}`)
    await run('apt-get', [...options, 'download', ...missing], { cwd: archives, env: host.env })
  }
  await withFreshLists(fetchArchives, async () => {
    options = await ownLists(lists)
    await run('apt-get', [...options, 'update'], { env: host.env })
  })

  await rm(lists, { recursive: true, force: true })
  for (const archive of await readdir(archives)) await run('dpkg-deb', ['-x', join(archives, archive), unfinished])
  await rm(archives, { recursive: true })
  await rename(unfinished, target)
}

/** What apt would newly install. What it would only upgrade is left alone: within a release the old one will do. */
async function missingPackages(name: string, options: string[], host: Host): Promise<string[]> {
  const plan = await run('apt-get', [...options, '-s', 'install', '--no-install-recommends', name], { env: host.env })
  const missing = [...plan.matchAll(/^Inst (\S+) \(/gm)].flatMap(([, found]) => found ?? [])
  return missing.length > 0 ? missing : [name]
}

/** Only root may renew the system's package lists; everybody may have some of their own. */
async function ownLists(folder: string): Promise<string[]> {
  const lists = join(folder, 'lists')
  const cache = join(folder, 'cache')
  await mkdir(join(lists, 'partial'), { recursive: true })
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true })
  return ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`]
}

async function wrap(program: string, target: string, bin: string): Promise<void> {
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
