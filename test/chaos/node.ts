import { appendFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { build } from 'esbuild'
import { startServer } from '../../dev/processes/start-server'
import { type Exit, supervise } from '../../dev/processes/supervise'

/** A server in a child process with a fixed port, so that tests can send it any signal. */
export interface Node extends AsyncDisposable {
  readonly name: string
  readonly url: string
  readonly port: number
  /** Sends SIGKILL and restarts it. */
  kill(): Promise<void>
  /** Sends SIGSTOP; `thaw` sends SIGCONT. */
  freeze(): void
  thaw(): void
  /** Sends SIGTERM and restarts it; resolves with the exit of the old process. */
  replace(): Promise<Exit>
  /** Unexpected exits. */
  readonly deaths: readonly Exit[]
}

const packages = join(__dirname, '..', '..', 'node_modules')
/** Bundles a node's program into one file: it starts in half the time, and start-up dominates the duration of the tests. */
export async function bundleProgram(script: string, folder: string): Promise<string> {
  const outfile = join(folder, script.replace(/\.ts$/, '.js'))
  const entryPoints = [join(__dirname, script)]
  // In a bundle `require.main === module` is true for every module, so `server/main.ts` would start another node.
  const define = { 'require.main': 'undefined' }
  await build({ entryPoints, outfile, define, bundle: true, platform: 'node', target: 'node20', packages: 'external' })
  return outfile
}

const stopTimeoutMs = 40_000

export async function startNode(
  name: string,
  program: string,
  folder: string,
  variables: Record<string, string>,
): Promise<Node> {
  const logFile = join(folder, `${name}.log`)
  const deaths: Exit[] = []
  let isExpected = false
  let hasExited = false
  let ended: Promise<Exit> | undefined
  const server = await startServer({
    name,
    port: undefined,
    logFile,
    launch: async port => {
      const env = { ...process.env, ...variables, PORT: String(port), NODE_PATH: packages }
      isExpected = hasExited = false
      const running = supervise(process.execPath, [program], {
        name,
        env,
        logFile,
        stopTimeoutMs,
      })
      ended = running.exited
      void running.exited.then(exit => {
        hasExited = true
        if (!isExpected) deaths.push(exit)
      })
      return running
    },
    isReady: port => isLive(port),
  })
  const signal = (kind: NodeJS.Signals) => {
    if (!hasExited) process.kill(server.pid, kind)
  }
  const restart = async (kind: NodeJS.Signals): Promise<Exit> => {
    const end = ended
    isExpected = true
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
      await restart('SIGKILL')
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    replace: () => restart('SIGTERM'),
    [Symbol.asyncDispose]: async () => {
      isExpected = true
      // SIGKILL, because a frozen process does not handle SIGTERM.
      signal('SIGKILL')
      await server.stop()
    },
  }
}

function isLive(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const request = get({ host: '127.0.0.1', port, path: '/health/live', timeout: 1_000, agent: false }, response => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}
