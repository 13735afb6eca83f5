import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { processState } from './runner/process-state'

const root = join(__dirname, '..')

describe('process state changed by a test file', () => {
  it('is restored: globals, environment, working folder and listeners', () => {
    const { fetch, describe: before } = globalThis
    const { execArgv } = process
    const exit: unknown = Reflect.get(process, 'exit')
    const folder = process.cwd()
    const listeners = process.listenerCount('SIGTERM')
    const restore = processState()
    Object.assign(globalThis, { fetch: () => undefined, anything: 1 })
    Reflect.deleteProperty(globalThis, 'describe')
    Object.assign(process.env, { ANYTHING: '1', PATH: '' })
    Object.assign(process, { exit: () => undefined, execArgv: ['-r', 'nothing'] })
    process.chdir('/')
    process.on('SIGTERM', () => undefined)
    restore()
    expect(globalThis.fetch).toBe(fetch)
    expect(globalThis.describe).toBe(before)
    expect(globalThis).not.toHaveProperty('anything')
    expect(process.env.ANYTHING).toBeUndefined()
    expect(process.env.PATH).not.toBe('')
    expect(Reflect.get(process, 'exit')).toBe(exit)
    expect(process.execArgv).toBe(execArgv)
    expect(process.cwd()).toBe(folder)
    expect(process.listenerCount('SIGTERM')).toBe(listeners)
  })
})

describe('a run of two files in one process', () => {
  const folder = join(root, 'node_modules', '.cache', `tutti-runner-${process.pid}`)
  const results = join(folder, 'results.json')
  // The first file changes state that the second one must not see.
  const polluting = `
    import { state } from './state'
    it('starts with a clean process', () => {
      expect([state.seen, Math.random() < 1, 'leaked' in globalThis]).toEqual([0, true, false])
      state.seen += 1
      jest.spyOn(Math, 'random').mockReturnValue(1_000)
      Object.assign(globalThis, { leaked: true })
    })`
  const first = `${polluting}
    jest.setTimeout(50)
    it('takes too long', () => new Promise(() => undefined))
    it('is wrong', () => {
      const found: number = 1
      expect(found).toBe(2)
    })`
  const second = `${polluting}
    it('has its own timeout', () => new Promise(resolve => setTimeout(resolve, 100)))
    it('fails with an unhandled rejection', async () => {
      void Promise.reject(new Error('unhandled'))
      await new Promise(resolve => setTimeout(resolve, 10))
    })`
  beforeAll(async () => {
    await mkdir(join(folder, 'test'), { recursive: true })
    await writeFile(join(folder, 'test', 'state.ts'), 'export const state = { seen: 0 }')
    await writeFile(join(folder, 'test', 'first.test.ts'), first)
    await writeFile(join(folder, 'test', 'second.test.ts'), second)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('isolates the files, enforces timeouts, and reports TypeScript positions of failures', async () => {
    const config = {
      rootDir: folder,
      testMatch: ['<rootDir>/test/*.test.ts'],
      testPathIgnorePatterns: [],
      haste: { retainAllFiles: true },
      testEnvironment: join(root, 'test', 'runner', 'environment.js'),
      runtime: join(root, 'test', 'runner', 'runtime.js'),
      transform: {},
    }
    const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js')
    const args = ['-i', '--json', '--outputFile', results, '--config', JSON.stringify(config)]
    const { stderr } = await promisify(execFile)(process.execPath, [jest, ...args]).catch(
      (error: unknown) => error as { stderr: string },
    )
    const found = stderr.replace(/\u001b\[\d+m/g, '')
    for (const passed of ['starts with a clean process', 'has its own timeout'])
      expect(found).not.toContain(`● ${passed}`)
    expect(found).toMatch(/● takes too long[^]*Exceeded timeout of 50 ms/)
    expect(found).toMatch(/● is wrong[^]*first\.test\.ts:13:21/)
    expect(found).toMatch(/● fails with an unhandled rejection[^]*unhandled/)
    expect(found).toContain('3 failed, 3 passed, 6 total')
  })
})
