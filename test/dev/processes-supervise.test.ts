import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type Readable } from 'node:stream'
import { supervise, type SupervisedProcess } from '../../dev/processes/supervise'
import { waitForGroupExit, waitForExit } from './processes-fixture/wait-for-exit'
import { createTemporaryFolder } from './processes-fixture/create-temporary-folder'

const typescript = join(__dirname, 'processes-fixture', 'typescript.js')
const parent = join(__dirname, 'processes-fixture', 'parent.ts')

describe('supervise', () => {
  test('reports the exit code and keeps the output', async () => {
    await using folder = await createTemporaryFolder()
    const logFile = join(folder.path, 'log')
    const child = supervise('sh', ['-c', 'echo "$GREETING" from "$PWD"; echo problem >&2; exit 7'], {
      name: 'greeter',
      env: { ...process.env, GREETING: 'hello' },
      cwd: folder.path,
      logFile,
    })
    expect(await child.exited).toEqual({ code: 7, signal: null })
    expect(await readFile(logFile, 'utf8')).toBe(`hello from ${folder.path}\nproblem\n`)
    await waitForGroupExit(child.pid)
  })

  test('reports the ending signal, and stop may be repeated', async () => {
    await using folder = await createTemporaryFolder()
    const child = supervise('sleep', ['600'], { name: 'sleeper', logFile: join(folder.path, 'log') })
    await Promise.all([child.stop(), child.stop()])
    expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
    await child.stop()
    await waitForGroupExit(child.pid)
  })

  test('sends the configured stop signal', async () => {
    await using folder = await createTemporaryFolder()
    const logFile = join(folder.path, 'log')
    const child = supervise(process.execPath, ['-e', answersSigint], { name: 'node', logFile, stopSignal: 'SIGINT' })
    await waitForLog(logFile, 'ready')
    await child.stop()
    expect(await child.exited).toEqual({ code: 3, signal: null })
  })

  test('kills a process that ignores the stop signal', async () => {
    await using folder = await createTemporaryFolder()
    const logFile = join(folder.path, 'log')
    const child = await ignoringChild(logFile)
    await child.stop()
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' })
  })

  test('a missing command ends with 127 and an error in the log', async () => {
    await using folder = await createTemporaryFolder()
    const logFile = join(folder.path, 'log')
    const child = supervise('/no/such/command', [], { name: 'nothing', logFile })
    expect(await child.exited).toEqual({ code: 127, signal: null })
    expect(await readFile(logFile, 'utf8')).toMatch(/no.such.command/)
    await waitForGroupExit(child.pid)
  })

  test('a missing working folder is an error at once', async () => {
    await using folder = await createTemporaryFolder()
    const options = { name: 'lost', cwd: join(folder.path, 'missing'), logFile: join(folder.path, 'log') }
    expect(() => supervise('true', [], options)).toThrow(/lost: no process could be created in .*missing/)
  })
})

describe('a parent killed by SIGKILL', () => {
  test('leaves no server behind, and its servers do not receive its Ctrl-C', async () => {
    await using folder = await createTemporaryFolder()
    const child = spawn(process.execPath, ['-r', typescript, parent, folder.path], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [port, ...pids] = await firstNumbers(child.stdout)
    expect(pids.length).toBeGreaterThan(5)

    process.kill(-(child.pid ?? Number.NaN), 'SIGINT')
    expect(await ping(port)).toBe('+PONG\r\n')

    child.kill('SIGKILL')
    await Promise.all(pids.flatMap(pid => [waitForExit(pid), waitForGroupExit(pid)]))
    expect(await readFile(join(folder.path, 'postgres', 'postgres.log'), 'utf8')).toMatch(/fast shutdown request/)
  })

  test('leaves nothing behind that ignores the stop signal', async () => {
    await using folder = await createTemporaryFolder()
    const script = `const { supervise } = require(${JSON.stringify(require.resolve('../../dev/processes/supervise'))})
      const options = { name: 'deaf', logFile: ${JSON.stringify(join(folder.path, 'log'))}, stopWithinMs: 100 }
      console.log(supervise(process.execPath, ['-e', ${JSON.stringify(ignoresSigterm)}], options).pid)`
    const child = spawn(process.execPath, ['-r', typescript, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [pid = Number.NaN] = await firstNumbers(child.stdout)
    await waitForLog(join(folder.path, 'log'), 'ready')
    child.kill('SIGKILL')
    await waitForGroupExit(pid)
  })
})

const ignoresSigterm = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('ready')`
const answersSigint = `process.on('SIGINT', () => process.exit(3)); setInterval(() => {}, 1000); console.log('ready')`

async function ignoringChild(logFile: string): Promise<SupervisedProcess> {
  const child = supervise(process.execPath, ['-e', ignoresSigterm], { name: 'deaf', logFile, stopTimeoutMs: 50 })
  await waitForLog(logFile, 'ready')
  return child
}

async function waitForLog(logFile: string, text: string): Promise<void> {
  while (!(await readFile(logFile, 'utf8').catch(() => '')).includes(text)) await new Promise(setImmediate)
}

async function firstNumbers(output: Readable): Promise<number[]> {
  for await (const chunk of output) return String(chunk).trim().split(' ').map(Number)
  throw new Error('the process ended without the expected output')
}

async function ping(port = Number.NaN): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write('PING\r\n')
  for await (const chunk of socket) return String(chunk)
  return 'closed without an answer'
}
