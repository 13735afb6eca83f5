import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { thisHost, type Host } from '../../dev/processes/host'
import { findTool, hasTool, installPackage } from '../../dev/processes/find-tool'
import { withFileLock } from '../../dev/processes/with-file-lock'
import { createTemporaryFolder } from './processes-fixture/create-temporary-folder'

const noLog = () => undefined

describe('findTool', () => {
  test('finds a program on PATH, or its substitute', async () => {
    await using folder = await createTemporaryFolder()
    const host = bareHost(folder.path, { PATH: folder.path })
    expect(await hasTool('redis-server', host)).toBe(false)
    const valkey = await program(folder.path, 'valkey-server')
    expect(await findTool('redis-server', noLog, host)).toBe(valkey)
    const redis = await program(folder.path, 'redis-server')
    expect(await findTool('redis-server', noLog, host)).toBe(redis)
  })

  test('skips a file that is not executable', async () => {
    await using folder = await createTemporaryFolder()
    await writeFile(join(folder.path, 'ffmpeg'), 'not a program')
    expect(await hasTool('ffmpeg', bareHost(folder.path, { PATH: folder.path }))).toBe(false)
  })

  test('prefers the program named by a variable, and rejects an invalid one', async () => {
    await using folder = await createTemporaryFolder()
    const chosen = await program(folder.path, 'my-redis')
    const host = bareHost(folder.path, { TUTTI_REDIS_SERVER: chosen, PATH: folder.path })
    await program(folder.path, 'redis-server')
    expect(await findTool('redis-server', noLog, host)).toBe(chosen)
    const wrong = { ...host, env: { TUTTI_REDIS_SERVER: '/nowhere/redis' } }
    await expect(findTool('redis-server', noLog, wrong)).rejects.toThrow(/TUTTI_REDIS_SERVER is \/nowhere\/redis/)
  })

  test.each([
    ['linux', /redis-server is missing.*apt-get install redis-server.*TUTTI_REDIS_SERVER/],
    ['darwin', /redis-server is missing.*brew install redis/],
  ] as const)('explains what to do where nothing can be installed (%s)', async (platform, message) => {
    await using folder = await createTemporaryFolder()
    await expect(findTool('redis-server', noLog, { ...bareHost(folder.path), platform })).rejects.toThrow(message)
  })
})

describe('installPackage', () => {
  test('returns false with a reason where it cannot install', async () => {
    await using folder = await createTemporaryFolder()
    const logLines: string[] = []
    expect(await installPackage('no-such-package', line => logLines.push(line), bareHost(folder.path))).toBe(false)
    expect(logLines).toEqual(['Continuing without no-such-package: apt-get was not found'])
  })
})

// apt and flock exist on Linux only.
if (process.platform === 'linux') {
  test('findTool explains what to do and what failed when apt fails', async () => {
    await using folder = await createTemporaryFolder()
    await program(folder.path, 'apt-get', 'echo "no network" >&2; exit 100')
    const failure = findTool('redis-server', noLog, bareHost(folder.path, { PATH: folder.path }))
    await expect(failure).rejects.toThrow(/redis-server is missing/)
    await expect(failure).rejects.toHaveProperty('cause.message', expect.stringContaining('no network'))
  })

  withLockTests()
}

function withLockTests(): void {
  test('withLock runs callers one after the other, and the next one after a failure', async () => {
    await using folder = await createTemporaryFolder()
    const lock = join(folder.path, 'lock')
    const order: string[] = []
    const takeLock = (name: string) =>
      withFileLock(lock, async () => {
        order.push(`${name} in`)
        await new Promise(setImmediate)
        order.push(`${name} out`)
        if (name === 'first') throw new Error('failed inside')
      })
    await expect(takeLock('first')).rejects.toThrow('failed inside')
    await Promise.all([takeLock('a'), takeLock('b')])
    expect(order.slice(0, 2)).toEqual(['first in', 'first out'])
    expect([
      ['a in', 'a out', 'b in', 'b out'],
      ['b in', 'b out', 'a in', 'a out'],
    ]).toContainEqual(order.slice(2))
  })

  test('withLock rejects if the lock file cannot be created', async () => {
    await using folder = await createTemporaryFolder()
    await expect(withFileLock(join(folder.path, 'missing', 'lock'), async () => 1)).rejects.toThrow(/Cannot lock/)
  })
}

/** A host without privileges, and without programs except those on the given PATH. */
function bareHost(folder: string, env: NodeJS.ProcessEnv = {}): Host {
  return { ...thisHost, platform: 'linux', isRoot: false, env, cache: join(folder, 'cache') }
}

async function program(folder: string, name: string, script = 'exit 0'): Promise<string> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, name)
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
  return file
}
