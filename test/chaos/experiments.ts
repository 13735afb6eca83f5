import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { insertInboxStatement, shardOf } from '../../kernel/events/channel-log'
import { randomUUID } from 'node:crypto'
import { ClientFollower } from './client-follower'
import { Follower, transports } from './follower'
import { boardOf } from './registry'
import { type Node } from './node'
import { type Scenario, type ScenarioOptions } from './scenario'

/** A fault that is injected while writers write and clients follow. */
export interface Experiment {
  name: string
  /** Injects the fault for about `ms`; returns violations that the oracle cannot see. */
  inject(this: void, scene: Scenario, ms: number): Promise<readonly string[]>
  /** Options that differ from the default scene. */
  scene?: Partial<ScenarioOptions>
  /** The number of clients of the long version, if it is the point of the experiment. */
  clientCount?: number
}

const none: readonly string[] = []
const takeOverWithinMs = 10_000
const revokedWithinMs = 30_000
const slowWithinMs = 20_000
const othersWithinMs = 10_000

export const killNodes: Experiment = {
  name: 'node killed',
  async inject({ cluster, random }, ms) {
    await every(ms, ms / 4, () => random.pick(cluster.nodes).kill())
    return none
  },
}

export const killRelay: Experiment = {
  name: 'relay killed',
  async inject({ cluster }, ms) {
    await every(ms, ms / 4, async () => (await relayOf(cluster)).kill())
    return none
  },
}

/** PostgreSQL closes the silent connection and other nodes take over its shards; the thawed node continues where it stopped. */
export const freezeRelay: Experiment = {
  name: 'relay frozen',
  async inject({ cluster }, ms) {
    const end = Date.now() + ms
    do {
      const relay = await relayOf(cluster)
      const before = await holders(cluster)
      relay.freeze()
      try {
        const isTakenOver = await waitUntil(takeOverWithinMs, async () => {
          const now = await holders(cluster)
          return now.length >= before.length && now.every(({ node }) => node !== relay.name)
        })
        if (!isTakenOver) return [`no node took over the shards of ${relay.name}, which was frozen`]
        await pause((end - Date.now()) / 3)
      } finally {
        relay.thaw()
      }
      await pause(500)
    } while (Date.now() < end)
    return none
  },
}

export const freezeNode: Experiment = {
  name: 'node frozen',
  async inject({ cluster, random }, ms) {
    const node = random.pick(cluster.nodes)
    node.freeze()
    await pause(ms / 2)
    node.thaw()
    await pause(ms / 2)
    return none
  },
}

const redisAway = (awayMs: number): Experiment => ({
  name: `redis away ${awayMs / 1_000} s`,
  async inject({ cluster: { redis } }, ms) {
    await pause(Math.min(ms / 4, 1_000))
    await redis.stop()
    await pause(awayMs)
    await redis.restart()
    await pause(Math.min(ms / 2, 3_000))
    return none
  },
})

export const redisRestarted = redisAway(0)
export const redisDownHalf = redisAway(500)
export const redisDown2 = redisAway(2_000)
export const redisDown3 = redisAway(3_000)
export const redisDown30 = redisAway(30_000)

export const redisWiped: Experiment = {
  name: 'redis wiped',
  async inject({ cluster }, ms) {
    await every(ms, ms / 6, () => cluster.redisCommand('flushall'))
    return none
  },
}

/** SIGSTOP: connections stay open, but there are no replies. */
export const redisFrozen: Experiment = {
  name: 'redis frozen',
  async inject({ cluster: { redis } }, ms) {
    process.kill(redis.pid, 'SIGSTOP')
    await pause(ms / 2)
    process.kill(redis.pid, 'SIGCONT')
    await pause(ms / 2)
    return none
  },
}

export const redisPaused: Experiment = {
  name: 'redis paused',
  async inject({ cluster }, ms) {
    await cluster.redisCommand('client', 'pause', String(Math.round(ms / 2)), 'all')
    await pause(ms)
    return none
  },
}

export const redisPubSubCut: Experiment = {
  name: 'redis pubsub cut',
  async inject({ cluster }, ms) {
    await every(ms, Math.min(2_000, ms / 5), () => cluster.redisCommand('client', 'kill', 'type', 'pubsub'))
    return none
  },
}

export const postgresRestarted: Experiment = {
  name: 'postgres restarted',
  async inject({ cluster: { postgres } }, ms) {
    await every(ms, ms / 2, async turn => postgres.restart(turn % 2 === 0 ? 'immediate' : 'fast'))
    return none
  },
}

export const relayConnectionCut: Experiment = {
  name: 'relay session cut',
  async inject({ cluster }, ms) {
    await every(ms, ms / 6, async () =>
      terminate(
        cluster,
        (await holders(cluster)).map(({ pid }) => pid),
      ),
    )
    return none
  },
}

/** A long transaction must delay only its own events. */
export const longTransaction: Experiment = {
  name: 'long transaction',
  async inject(scene, ms) {
    const { cluster, idleChannel } = scene
    const client = new Client({ connectionString: cluster.variables.DATABASE_URL })
    await client.connect()
    try {
      await client.query('begin')
      const write = randomUUID()
      const data = { boards: [boardOf(idleChannel)], write, n: 0, pad: 'x' }
      const at = new Date().toISOString()
      const event = { channel: idleChannel, id: randomUUID(), name: 'chaos.written', at, data: JSON.stringify(data) }
      await client.query(insertInboxStatement([{ shard: shardOf(idleChannel), ...event }]))
      const before = await written(scene)
      const others = await waitUntil(
        othersWithinMs,
        async () => (await written(scene)) > before + 10 && (await scene.allCaughtUp()),
      )
      await pause(ms)
      await client.query('commit')
      return others ? none : ['a long transaction delayed events of other transactions']
    } finally {
      await client.end()
    }
  },
}

export const connectionsCut: Experiment = {
  name: 'connections cut',
  async inject({ proxies, random }, ms) {
    await every(ms, Math.min(500, ms / 8), async () => random.pick(proxies).resetConnections(0.3, random))
    return none
  },
}

/** All clients reconnect at once, three times. */
export const reconnectStorm: Experiment = {
  name: 'reconnect storm',
  scene: { boards: 20, boardsPerClient: 2, writesPerSecond: 20 },
  clientCount: 2_000,
  async inject(scene, ms) {
    await every(ms, ms / 3, async () => {
      for (const proxy of scene.proxies) proxy.resetConnections(1, scene.random)
    })
    return none
  },
}

/** Some clients stop reading, so their buffers grow until the server skips events or closes the connection. */
export const slowClients: Experiment = {
  name: 'slow clients',
  scene: { padBytes: 24_000, writesPerSecond: 200, directClients: 3 },
  async inject({ cluster, followers }, ms) {
    const slow = followers.flatMap(follower =>
      follower instanceof Follower && follower.options.urls[0] === cluster.nodes[0]?.url ? [follower] : [],
    )
    const sockets = slow.map(({ socket }) => socket)
    for (const socket of sockets) setReading(socket, 'pause')
    const wasNoticed = await waitUntil(slowWithinMs, async () => {
      const found = await Promise.all(
        cluster.nodes.map(node => metric(node, 'tutti_slow_consumer_steps_total{step="lagging"}')),
      )
      return found.some(count => count > 0)
    })
    await pause(ms / 2)
    for (const socket of sockets) setReading(socket, 'resume')
    await pause(ms / 2)
    return wasNoticed ? none : ['no slow client was detected']
  },
}

/** Revoked sessions receive nothing 30 s later, even if Redis cannot notify the nodes. */
export const revokedWithoutRedis: Experiment = {
  name: 'revoked without redis',
  async inject({ cluster, urls, random, channels }, ms) {
    const followers = await Promise.all(
      transports.map(async transport => {
        const token = await cluster.issuer.issueToken(`leaver-${randomUUID()}`)
        return new Follower({ name: transport, token, channels: channels.slice(0, 1), urls, random, transport })
      }),
    )
    const hasReceived = ({ replicas }: Follower) => replicas.every(({ deliveries }) => deliveries > 0)
    const violations: string[] = []
    if (!(await waitUntil(10_000, async () => followers.every(hasReceived))))
      violations.push('a permitted follower received nothing')
    await cluster.redis.stop()
    try {
      const endedAt = Date.now()
      for (const { options } of followers) {
        const status = await endSessions(random.pick(cluster.nodes).url, options.token)
        if (status !== 200) violations.push(`sessions could not be revoked: ${status}`)
      }
      await waitUntil(revokedWithinMs, async () =>
        followers.every(({ finalProblem }) => finalProblem?.code === 'session_revoked'),
      )
      await pause(ms)
      for (const { options, finalProblem, replicas } of followers) {
        if (finalProblem?.code !== 'session_revoked')
          violations.push(`${options.name} was not notified that its session is revoked`)
        if (replicas.some(({ lastAt }) => lastAt > endedAt + revokedWithinMs))
          violations.push(`${options.name} still received events`)
      }
      return violations
    } finally {
      await cluster.redis.restart()
      await Promise.all(followers.map(follower => follower.close()))
    }
  },
}

export const rollingDrain: Experiment = {
  name: 'rolling drain',
  async inject({ cluster: { nodes } }, ms) {
    const violations: string[] = []
    // A rolling restart takes a few seconds per node, however short `ms` is.
    for (const node of nodes.slice(0, Math.ceil(ms / 4_000))) {
      const { code, signal } = await node.replace()
      if (code !== 0) violations.push(`${node.name} was asked to stop and exited with ${signal ?? code}`)
    }
    return violations
  },
}

export const transportsSwitched: Experiment = {
  name: 'transports switched',
  scene: { transportOf: n => transports[n % transports.length] ?? 'websocket' },
  async inject({ followers, random }, ms) {
    await every(ms, 100, async () => {
      const follower = random.pick(followers)
      if (follower instanceof Follower) follower.switchTransport(random.pick(transports))
      if (follower instanceof ClientFollower) follower.changeTransport()
    })
    return none
  },
}

/** Two faults at a time, each in a different part of the system. */
export const faultPairs: Experiment = {
  name: 'faults in pairs',
  async inject(scene, ms) {
    const violations: string[] = []
    const roundMs = Math.min(ms, 4_000)
    await every(ms, roundMs, async () => {
      const one = scene.random.between(0, independentFaults.length)
      const other = (one + scene.random.between(1, independentFaults.length)) % independentFaults.length
      const pair = [one, other].map(part => scene.random.pick(independentFaults[part] ?? []))
      for (const found of await Promise.all(pair.map(experiment => experiment.inject(scene, roundMs))))
        violations.push(...found)
    })
    return violations
  },
}

const independentFaults: readonly (readonly Experiment[])[] = [
  [killNodes, freezeNode],
  [redisRestarted, redisDownHalf, redisWiped, redisFrozen, redisPaused],
  [postgresRestarted],
  [connectionsCut, reconnectStorm],
]

export const experiments: readonly Experiment[] = [
  killNodes,
  killRelay,
  freezeRelay,
  freezeNode,
  redisRestarted,
  redisDownHalf,
  redisDown3,
  redisDown30,
  redisWiped,
  redisFrozen,
  redisPaused,
  redisPubSubCut,
  postgresRestarted,
  relayConnectionCut,
  longTransaction,
  connectionsCut,
  slowClients,
  reconnectStorm,
  revokedWithoutRedis,
  rollingDrain,
  transportsSwitched,
  faultPairs,
]

/** Runs steps one after the other, at most one per `intervalMs`, until `ms` have passed. */
async function every(ms: number, intervalMs: number, step: (turn: number) => Promise<unknown>): Promise<void> {
  const end = Date.now() + ms
  for (let turn = 0; Date.now() < end; turn += 1) {
    const next = Date.now() + intervalMs
    await step(turn)
    await pause(Math.max(0, Math.min(next, end) - Date.now()))
  }
}

async function waitUntil(ms: number, holds: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + ms
  while (!(await holds())) {
    if (Date.now() > deadline) return false
    await pause(50)
  }
  return true
}

/** The connections that hold the relay's advisory locks, and their nodes; one row per lock. */
const holders = (scenario: Scenario['cluster']) =>
  scenario.sql<{ pid: number; node: string }>(
    `select pid, usename as node from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and application_name = 'tutti-relay' and datname = current_database()`,
  )

/** The number of events in the logs of the boards. */
async function written({ cluster, channels }: Scenario): Promise<number> {
  const text = 'select coalesce(sum(top), 0) as count from channels where name = any($1)'
  const [row] = await cluster.sql<{ count: string }>(text, [channels])
  return Number(row?.count ?? 0)
}

/** The node that holds most of the relay's locks. */
async function relayOf(scenario: Scenario['cluster']): Promise<Node> {
  let most: Node | undefined
  await waitUntil(10_000, async () => {
    const held = await holders(scenario)
    const count = (node: Node) => held.filter(holder => holder.node === node.name).length
    most = [...scenario.nodes].sort((one, other) => count(other) - count(one))[0]
    return held.length > 0
  })
  if (most === undefined) throw new Error('no node holds a relay lock')
  return most
}

async function metric({ url }: Node, name: string): Promise<number> {
  const text = await fetch(`${url}/metrics`).then(response => response.text())
  return Number(
    text
      .split('\n')
      .find(line => line.startsWith(`${name} `))
      ?.split(' ')
      .at(-1) ?? 0,
  )
}

async function endSessions(url: string, token: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/me/sessions/revoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ scope: 'all' }),
  })
  await response.text()
  return response.status
}

const terminate = (scenario: Scenario['cluster'], pids: readonly number[]) =>
  scenario.sql('select pg_terminate_backend(pid) from unnest($1::int[]) pid', [[...new Set(pids)]])

/** Pauses the WebSocket itself, without the client library noticing. */
function setReading(socket: Follower['socket'], what: 'pause' | 'resume'): void {
  const transport = socket?.io.engine.transport as unknown as { ws?: Record<typeof what, () => void> } | undefined
  transport?.ws?.[what]()
}
