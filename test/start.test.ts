import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { findFreePort } from '../dev/processes/find-free-port'

const root = resolve(__dirname, '..')
const timeoutMs = 110_000
const bootstrap = [process.execPath, 'dev/bootstrap.mjs']

/** Runs `npm start` like a new developer: real processes, independent of the test stack. */
describe('npm start', () => {
  let port: number
  beforeAll(async () => {
    port = await findFreePort()
  })
  afterAll(() => rm(join(root, '.tutti', String(port)), { recursive: true, force: true }))

  it(
    'serves two nodes, issues tokens, refuses a second stack on its port, and leaves nothing behind after SIGTERM',
    async () => {
      const stack = start(port)
      await stack.waitForOutput('Tutti is ready')
      const processes = descendantsOf(stack.child.pid)
      expect(processes.length).toBeGreaterThanOrEqual(5)

      const token = (await output('token', port, 'ann')).trim()
      for (const node of [port, port + 1]) {
        const headers = { authorization: `Bearer ${token}` }
        const me = (await (await fetch(`http://localhost:${node}/api/v1/me`, { headers })).json()) as MeResponse
        expect(me.data.displayName).toBe('Ann')
        expect((await fetch(`http://localhost:${node}/health/ready`)).status).toBe(200)
      }
      const found = (await (
        await fetch(`http://localhost:${port}/api/v1/search/tracks?q=harbour`)
      ).json()) as SearchResult
      expect(found.data.map(({ title }) => title)).toContain('Harbour lights')

      const tourOutput = await followReadme(port)
      for (const expected of [
        'trackPublished',
        '206 audio/mp4',
        '403',
        'liked',
        'Bob commented',
        'itemsMoved',
        'missed nothing',
      ])
        expect(tourOutput).toContain(expected)
      expect(tourOutput).toMatch(/playing at \d{4} ms/)
      expect(tourOutput.match(/listening-party\.timelineChanged/g)).toHaveLength(2)

      const second = start(port)
      expect(await second.ended).not.toBe(0)
      expect(second.text()).toContain(`A stack runs on port ${port} already`)

      stack.child.kill('SIGTERM')
      expect(await stack.ended).toBe(0)
      await untilGone(processes)
    },
    timeoutMs,
  )

  it.each([
    ['it', bootstrap],
    // npm runs a shell between itself and the stack.
    ['npm', ['npm', 'run']],
  ])(
    'keeps its data over restarts, and leaves nothing behind when %s is killed',
    async (_, command) => {
      const stack = start(port, command)
      await stack.waitForOutput('Tutti is ready')
      const found = (await (
        await fetch(`http://localhost:${port}/api/v1/search/tracks?q=harbour`)
      ).json()) as SearchResult
      expect(found.data).toHaveLength(1)
      const processes = descendantsOf(stack.child.pid)
      stack.child.kill('SIGKILL')
      await stack.ended
      await untilGone(processes)
    },
    timeoutMs,
  )
})

interface MeResponse {
  data: { displayName: string }
}

interface SearchResult {
  data: { title: string }[]
}

function start(port: number, command = bootstrap) {
  const child = run(command, 'start', port)
  let text = ''
  child.stdout?.on('data', chunk => (text += String(chunk)))
  child.stderr?.on('data', chunk => (text += String(chunk)))
  const ended = new Promise<number | null>(done => child.once('exit', code => done(code)))
  return {
    child,
    ended,
    text: () => text,
    async waitForOutput(expected: string): Promise<void> {
      while (!text.includes(expected)) {
        if (child.exitCode !== null) throw new Error(`npm start ended:\n${text}`)
        await pause(50)
      }
    },
  }
}

async function output(verb: string, port: number, ...args: string[]): Promise<string> {
  const child = run(bootstrap, verb, port, ...args)
  let text = ''
  child.stdout?.on('data', chunk => (text += String(chunk)))
  await new Promise(done => child.once('close', done))
  return text
}

function run([command = '', ...before]: string[], verb: string, port: number, ...args: string[]): ChildProcess {
  const { PATH, HOME } = process.env
  return spawn(command, [...before, verb, ...args], {
    cwd: root,
    env: { PATH, HOME, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Runs the tour of the README verbatim, with other ports. */
async function followReadme(port: number): Promise<string> {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const script = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block).join('\n')
  const withPorts = script.replaceAll('3001', String(port + 1)).replaceAll('3000', String(port))
  const { PATH, HOME } = process.env
  const shell = spawn('bash', ['-c', withPorts], { cwd: root, env: { PATH, HOME, PORT: String(port) } })
  let text = ''
  shell.stdout.on('data', chunk => (text += String(chunk)))
  shell.stderr.on('data', chunk => (text += String(chunk)))
  await new Promise(done => shell.once('close', done))
  return text
}

/** A process and all its descendants. */
function descendantsOf(pid: number | undefined): number[] {
  const parents = new Map(
    readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .flatMap(name => {
        const parent = parentOf(Number(name))
        return parent === undefined ? [] : [[Number(name), parent] as const]
      }),
  )
  const pids = pid === undefined ? [] : [pid]
  for (const member of pids) for (const [child, parent] of parents) if (parent === member) pids.push(child)
  return pids
}

function parentOf(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return fields[0] === 'Z' ? undefined : Number(fields[1])
  } catch {
    return undefined
  }
}

async function untilGone(processes: readonly number[]): Promise<void> {
  const until = Date.now() + 30_000
  let left = processes
  while ((left = left.filter(pid => parentOf(pid) !== undefined)).length > 0) {
    if (Date.now() > until) throw new Error(`still there: ${left.join(', ')}`)
    await pause(100)
  }
}
