import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { io } from 'socket.io-client'
import { startStack } from '../dev/stack'
import { migrateUp } from '../migrations/migrate'

const rounds = 7
const callsPerRound = 3_000
const concurrency = 16

const scenarios = [
  { name: 'REST read, one query', road: 'rest' },
  { name: 'socket call with ack, one query', road: 'socket' },
] as const
type Road = (typeof scenarios)[number]['road']

/** CPU time per call of Tutti's server, as a ratio to a bare one in the same run, rounds interleaved. */
async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-bench-'))
  const stack = await startStack({ folder, durable: false })
  try {
    await migrateUp(stack.variables.DATABASE_URL ?? '')
    const token = (await stack.issuer?.tokenFor('ann')) ?? ''
    const variables = { ...process.env, ...stack.variables, LOG_LEVEL: 'silent', NODE_ENV: 'production' }
    const tutti = await startSubject('tutti', variables, token)
    const bare = await startSubject('bare', variables, token)
    process.stdout.write(
      `${'scenario'.padEnd(36)}${'Tutti'.padStart(10)}${'bare'.padStart(10)}${'ratio'.padStart(8)}\n`,
    )
    for (const { name, road } of scenarios) {
      const costs = { tutti: [] as number[], bare: [] as number[] }
      for (let round = 0; round <= rounds; round += 1) {
        const both = { tutti: await tutti.cost(road), bare: await bare.cost(road) }
        // The first round warms up.
        if (round > 0) for (const kind of ['tutti', 'bare'] as const) costs[kind].push(both[kind])
      }
      const [a, b] = [median(costs.tutti), median(costs.bare)]
      process.stdout.write(`${name.padEnd(36)}${us(a)}${us(b)}${(a / b).toFixed(2).padStart(8)}\n`)
    }
    tutti.end()
    bare.end()
  } finally {
    await stack[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  }
}

const us = (value: number) => `${value.toFixed(0)} µs`.padStart(10)

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN

async function startSubject(kind: string, env: NodeJS.ProcessEnv, token: string) {
  const child = fork(join(__dirname, 'subject.js'), [kind], { env })
  const [port] = (await once(child, 'message')) as [number]

  async function cpuMicroseconds(): Promise<number> {
    child.send('cpu')
    const [{ user, system }] = (await once(child, 'message')) as [NodeJS.CpuUsage]
    return user + system
  }

  return {
    /** Microseconds of the server's CPU time per call. */
    async cost(road: Road): Promise<number> {
      await using caller = await (road === 'rest' ? restCaller(port, token) : socketCaller(port, token))
      const before = await cpuMicroseconds()
      let left = callsPerRound
      await Promise.all(
        Array.from({ length: concurrency }, async () => {
          while (left-- > 0) await caller.call()
        }),
      )
      return ((await cpuMicroseconds()) - before) / callsPerRound
    },
    end: () => child.disconnect(),
  }
}

interface Caller extends AsyncDisposable {
  call(): Promise<void>
}

async function restCaller(port: number, token: string): Promise<Caller> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const options = { port, path: '/api/v1/me', agent, headers: { authorization: `Bearer ${token}` } }
  return {
    call: () =>
      new Promise((resolve, reject) => {
        get(options, response => {
          response.resume().on('end', resolve)
          if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
        }).on('error', reject)
      }),
    [Symbol.asyncDispose]: async () => agent.destroy(),
  }
}

async function socketCaller(port: number, token: string): Promise<Caller> {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true, auth: { token } })
  await new Promise<void>(resolve => socket.once('connect', resolve))
  return {
    call: async () => {
      const reply = (await socket.emitWithAck('user-profile.getMe', {})) as { data?: unknown }
      if (reply.data === undefined) throw new Error('refused')
    },
    [Symbol.asyncDispose]: async () => void socket.disconnect(),
  }
}

void main()
