import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { startServer, type Server } from './start-server'
import { supervise } from './supervise'
import { findTool } from './find-tool'

export interface RedisOptions {
  /** The working folder; also holds the log unless `logFile` is set. */
  folder: string
  port?: number
  logFile?: string
  /** Keeps the data over restarts in an append-only file. Default false: nothing is written to disk. */
  persistent?: boolean
  log?: (line: string) => void
}

export interface Redis extends Server {
  readonly host: string
  /** `redis://host:port` */
  readonly url: string
}

/** Starts a private Redis (or Valkey) on 127.0.0.1 and waits until it is ready. */
export async function startRedis(options: RedisOptions): Promise<Redis> {
  const folder = resolve(options.folder)
  const logFile = options.logFile ?? join(folder, 'redis.log')
  await mkdir(folder, { recursive: true })
  const binary = await findTool('redis-server', options.log)
  const persistence = options.persistent ? ['--appendonly', 'yes'] : ['--appendonly', 'no', '--save', '']

  const server = await startServer({
    name: 'Redis',
    port: options.port,
    logFile,
    launch: async port =>
      supervise(binary, ['--port', String(port), '--bind', host, '--dir', folder, ...persistence], {
        name: 'redis',
        logFile,
      }),
    isReady,
  })
  return {
    host,
    url: `redis://${host}:${server.port}`,
    port: server.port,
    get pid() {
      return server.pid
    },
    stop: server.stop,
    restart: server.restart,
    [Symbol.asyncDispose]: server.stop,
  }
}

const host = '127.0.0.1'
const readyTimeoutMs = 1_000

/** PING succeeds once the data is loaded; the process id proves that no other Redis has taken the port. */
function isReady(port: number, pid: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: readyTimeoutMs }, () =>
      socket.write('PING\r\nINFO server\r\nQUIT\r\n'),
    )
    let answer = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => (answer += chunk))
    socket.on('timeout', () => socket.destroy())
    socket.on('error', () => undefined)
    socket.on('close', () => {
      resolve(answer.startsWith('+PONG') && answer.includes(`\nprocess_id:${pid}\r\n`))
    })
  })
}
