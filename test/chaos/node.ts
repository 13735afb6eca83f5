import { appendFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { build } from 'esbuild'
import { startServer } from '../../dev/processes/start-server'
import { type Exit, supervise } from '../../dev/processes/supervise'

/** A server in a process of its own, on a port that stays the same, so that whatever a signal can do to it is real. */
export interface Node extends AsyncDisposable {
  readonly name: string
  readonly url: string
  readonly port: number
  /** kill -9, and started again. */
  kill(): Promise<void>
  /** Stops without a word; `thaw` lets it go on as if nothing had been. */
  freeze(): void
  thaw(): void
  /** Told to end by SIGTERM, and started again; resolves with how it ended. */
  replace(): Promise<Exit>
  /** Each end that nobody had asked for. */
  readonly deaths: readonly Exit[]
}

const packages = join(__dirname, '..', '..', 'node_modules')
/** The program of a node in one file: it starts in half the time, and starting is what the tests wait for most. */
export async function bundle(script: string, folder: string): Promise<string> {
  const outfile = join(folder, script.replace(/\.ts$/, '.js'))
  const entryPoints = [join(__dirname, script)]
  // In one file every module would take itself for the main one, and `server/main.ts` would start another node.
  const define = { 'require.main': 'undefined' }
  await build({ entryPoints, outfile, define, bundle: true, platform: 'node', target: 'node20', packages: 'external' })
  return outfile
}

const endWithinMs = 40_000

export async function startNode(
  name: string,
  program: string,
  folder: string,
  variables: Record<string, string>,
): Promise<Node> {
  const logFile = join(folder, `${name}.log`)
  const deaths: Exit[] = []
  let asked = false
  let isGone = false
  let ended: Promise<Exit> | undefined
  const server = await startServer({
    name,
    port: undefined,
    logFile,
    launch: async port => {
      const env = { ...process.env, ...variables, PORT: String(port), NODE_PATH: packages }
      asked = isGone = false
      const running = supervise(process.execPath, [program], {
        name,
        env,
        logFile,
        stopWithinMs: endWithinMs,
      })
      ended = running.exited
      void running.exited.then(exit => {
        isGone = true
        if (!asked) deaths.push(exit)
      })
      return running
    },
    isReady: port => answers(port),
  })
  const signal = (kind: NodeJS.Signals) => {
    if (!isGone) process.kill(server.pid, kind)
  }
  const again = async (kind: NodeJS.Signals): Promise<Exit> => {
    const end = ended
    asked = true
    await appendFile(logFile, `--- ${kind}\n`)
    await server.restart(kind)
    return (await end) ?? { code: null, signal: null }
  }
  return {
    name,
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    deaths,
    kill: async () => {
      await again('SIGKILL')
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    replace: () => again('SIGTERM'),
    [Symbol.asyncDispose]: async () => {
      asked = true
      // One that is frozen would not hear that it is to end.
      signal('SIGKILL')
      await server.stop()
    },
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise(decide => {
    const request = get({ host: '127.0.0.1', port, path: '/health/live', timeout: 1_000, agent: false }, response => {
      response.resume()
      decide(response.statusCode === 200)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => decide(false))
  })
}
