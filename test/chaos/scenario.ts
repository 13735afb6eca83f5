import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Cluster } from './cluster'
import { BareFollower } from './bare-follower'
import { ClientFollower } from './client-follower'
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy'
import { Follower, type FollowerOptions, type Transport } from './follower'
import { digestOf, countDuplicates, countHoles, findViolations, type LoggedEvent, type Violation } from './oracle'
import { channelOf } from './registry'
import { type Random, createRandom } from './random'
import { retryableStatuses, Writer } from './writer'

export interface ScenarioOptions {
  clients: number
  boards: number
  /** How many boards each client follows. */
  boardsPerClient: number
  /** The first `greedy` clients follow all boards and connect to the nodes without a proxy. */
  directClients: number
  writesPerSecond: number
  padBytes: number
  /** Every client must have every event this long after the end of a fault. */
  catchUpTimeoutMs: number
  seed: number
  /** The transport of the n-th client. */
  transportOf: (n: number) => Transport
}

export const smallScenario: ScenarioOptions = {
  clients: 30,
  boards: 6,
  boardsPerClient: 2,
  directClients: 0,
  writesPerSecond: 60,
  padBytes: 200,
  catchUpTimeoutMs: 20_000,
  seed: 1,
  transportOf: () => 'websocket',
}

export interface Verdict {
  experiment: string
  seed: number
  events: number
  clients: number
  deliveries: number
  holes: number
  duplicates: number
  resets: number
  /** Gaps and repeats on the wire that the client's resume rule repaired. */
  gaps: number
  repeats: number
  /** The maximum time from an event to its application, outages included. */
  worstMs: number
  /** The maximum duration of a write, retries included. */
  worstWriteMs: number
  /** The number of problems that followers received, by code. */
  problems: Readonly<Record<string, number>>
  /** Every violation of the delivery guarantees, as text. */
  violations: string[]
}

/** A follower written from the protocol, one with our client, or one with Socket.IO alone. */
export type AnyFollower = Follower | ClientFollower | BareFollower

/** Writers, followers and the proxies between them and the nodes, on which an experiment injects faults. */
export interface Scenario extends AsyncDisposable {
  cluster: Cluster
  random: Random
  followers: readonly AnyFollower[]
  /** The proxies in front of the nodes. */
  proxies: readonly CuttingProxy[]
  /** The URL of the proxy in front of each node. */
  urls: readonly string[]
  channels: readonly string[]
  /** A channel that all clients follow and no writer uses. */
  idleChannel: string
  /** Whether every client has applied all events that are in the log now. */
  allCaughtUp(): Promise<boolean>
  /** Runs the writers while the fault is active, waits until all clients have caught up, and returns the oracle's verdict. */
  runExperiment(name: string, fault: () => Promise<readonly string[]>): Promise<Verdict>
}

const connectWithinMs = 60_000
const writersMax = 8
const violationsShown = 12

export async function startScenario(cluster: Cluster, overrides: Partial<ScenarioOptions> = {}): Promise<Scenario> {
  const options = { ...smallScenario, ...overrides }
  const random = createRandom(options.seed)
  const isBare = cluster.kind === 'bare'
  const ports = cluster.nodes.map(({ port }) => port)
  const balancer = await startCuttingProxy(ports, random)
  const direct = await Promise.all(ports.map(port => startCuttingProxy([port], random)))
  const proxies = [balancer, ...direct]
  const boards = Array.from({ length: options.boards }, () => randomUUID())
  const channels = boards.map(channelOf)
  const idleChannel = channelOf(randomUUID())
  const nodes = cluster.nodes.map(({ url }) => url)
  const urls = direct.map(({ url }) => url)
  const token = await cluster.issuer.issueToken('writer', longLived)
  const writerCount = Math.min(writersMax, boards.length)
  const writers = boards.slice(0, writerCount).map(
    board =>
      new Writer({
        urls: nodes,
        token,
        board,
        // Plain Socket.IO has no offsets, so each of its writers numbers the events of its own board.
        others: isBare ? [] : boards,
        perSecond: options.writesPerSecond / writerCount,
        padBytes: options.padBytes,
        random,
      }),
  )
  const followed = isBare ? channels.slice(0, writerCount) : channels
  const followers: AnyFollower[] = []
  const dispose = async () => {
    await Promise.all(writers.map(writer => writer.stop()))
    await Promise.all(followers.map(follower => follower.close()))
    for (const proxy of proxies) await proxy[Symbol.asyncDispose]()
  }
  for (let n = 0; n < options.clients; n += 1) {
    const isGreedy = n < options.directClients
    const some = Array.from({ length: options.boardsPerClient }, (_, k) => followed[(n + k) % followed.length] ?? '')
    const name = `client-${n}`
    const follower: FollowerOptions = {
      name,
      token: await cluster.issuer.issueToken(name, longLived),
      channels: [...new Set([...(isGreedy ? followed : some), ...(isBare ? [] : [idleChannel])])],
      urls: isGreedy ? nodes : urls,
      random,
      transport: options.transportOf(n),
    }
    if (isBare) followers.push(new BareFollower(follower))
    else if (n % 3 === 2 && !isGreedy) followers.push(new ClientFollower(follower, balancer.url))
    else followers.push(new Follower(follower))
    if (n % 50 === 49 || n === options.clients - 1)
      await follow(followers).catch(async (error: unknown) => {
        await dispose()
        throw error
      })
  }

  async function readLog(): Promise<Map<string, LoggedEvent[]>> {
    const log = new Map<string, LoggedEvent[]>([...channels, idleChannel].map(channel => [channel, []]))
    if (isBare)
      for (const { acknowledged } of writers)
        for (const { channels: on, n, digest, write } of acknowledged)
          for (const channel of on) log.get(channel)?.push({ offset: n, digest, write })
    else
      for (const row of await logRows(cluster, [...log.keys()]))
        log.get(row.channel)?.push({ offset: Number(row.offset), digest: digestOf(row), write: row.data.write })
    return log
  }

  async function allCaughtUp(): Promise<boolean> {
    const log = await readLog()
    return followers.every(({ replicas }) =>
      replicas.every(side => (side.position?.offset ?? -1) >= (log.get(side.channel)?.length ?? 0)),
    )
  }

  /** Plain Socket.IO clients cannot know what is missing, so only wait a while for them. */
  async function waitForClients(): Promise<void> {
    if (isBare) await pause(bareSettleMs)
    if (isBare) return
    const deadline = Date.now() + options.catchUpTimeoutMs
    while (!(await allCaughtUp()) && Date.now() < deadline) await pause(100)
  }

  return {
    cluster,
    random,
    followers,
    proxies,
    urls,
    channels,
    idleChannel,
    allCaughtUp,
    async runExperiment(name, fault) {
      const logBefore = await readLog()
      for (const writer of writers) {
        writer.worstMs = 0
        writer.start()
      }
      const otherViolations = await fault()
      await Promise.all(writers.map(writer => writer.stop()))
      await waitForClients()
      const log = await readLog()
      const sides = followers.flatMap(follower =>
        follower.replicas.map(side => ({ side, client: follower.options.name })),
      )
      const found = findViolations({
        log,
        histories: sides.map(({ side, client }) => side.history(client)),
        acknowledged: writers.flatMap(({ acknowledged }) => acknowledged),
      })
      const sum = (of: 'deliveries' | 'resets' | 'gaps' | 'repeats') =>
        sides.reduce((all, { side }) => all + side[of], 0)
      const verdict: Verdict = {
        experiment: name,
        seed: options.seed,
        events: size(log) - size(logBefore),
        clients: followers.length,
        deliveries: sum('deliveries'),
        holes: countHoles(found),
        duplicates: countDuplicates(found),
        resets: sum('resets'),
        gaps: sum('gaps'),
        repeats: sum('repeats'),
        worstMs: Math.max(...sides.map(({ side }) => side.worstMs)),
        worstWriteMs: Math.max(...writers.map(({ worstMs }) => worstMs)),
        problems: problemsOf(followers),
        violations: [
          ...otherViolations,
          ...formatViolations(found),
          ...sides.flatMap(({ side, client }) =>
            side.protocolViolations
              .splice(0)
              .map(violation => `${client} received an invalid message on ${side.channel}: ${violation}`),
          ),
          ...writers.flatMap(({ statuses }) => badStatuses(statuses)),
          ...cluster.nodes.flatMap(({ name: node, deaths }) =>
            deaths.map(({ code, signal }) => `${node} died: ${signal ?? code}`),
          ),
        ],
      }
      for (const { side } of sides) if (!isBare) side.startNewRecord()
      return verdict
    },
    [Symbol.asyncDispose]: dispose,
  }
}

const longLived = { ttlSeconds: 86_400 }
const bareSettleMs = 2_000

/** Waits until all clients have their first position. */
async function follow(followers: readonly AnyFollower[]): Promise<void> {
  const deadline = Date.now() + connectWithinMs
  const missing = () =>
    followers.filter(({ replicas }) => replicas.some(({ position }) => position === undefined)).length
  while (missing() > 0) {
    if (Date.now() > deadline) throw new Error(`${missing()} of ${followers.length} clients could not follow`)
    await pause(20)
  }
}

interface LogRow {
  channel: string
  offset: string
  id: string
  name: string
  at: string
  data: { write: string }
}

async function logRows(cluster: Cluster, channels: readonly string[]): Promise<LogRow[]> {
  const text = `select channel, "offset", id, name, at::text as at, data from channel_events
                where channel = any($1) order by channel, "offset"`
  for (let tries = 1; ; tries += 1)
    try {
      // Assign offsets first, as the functions that read the log do.
      await cluster.sql(`select count(*) from assign_offsets('{0, 1, 2, 3, 4, 5, 6, 7}', 1000000)`, [])
      return await cluster.sql<LogRow>(text, [channels])
    } catch (error) {
      if (tries === 20) throw error
      await pause(250)
    }
}

const size = (log: ReadonlyMap<string, readonly LoggedEvent[]>): number =>
  [...log.values()].reduce((all, events) => all + events.length, 0)

/** The first 12 violations as text, holes first. */
function formatViolations(found: readonly Violation[]): string[] {
  const isHole = ({ kind }: Violation) => Number(kind === 'hole')
  const shown = found
    .toSorted((one, other) => isHole(other) - isHole(one))
    .slice(0, violationsShown)
    .map(({ kind, channel, client, offset, write }) =>
      [kind, channel, client, offset, write].filter(word => word !== undefined).join(' '),
    )
  return found.length > violationsShown ? [...shown, `and ${found.length - violationsShown} more`] : shown
}

function problemsOf(followers: readonly AnyFollower[]): Record<string, number> {
  const all: Record<string, number> = {}
  for (const follower of followers)
    if (follower instanceof Follower) {
      for (const [code, times] of follower.problems) all[code] = (all[code] ?? 0) + times
      follower.problems.clear()
    }
  return all
}

function badStatuses(statuses: Map<number, number>): string[] {
  const bad = [...statuses].filter(([status]) => status !== 201 && !retryableStatuses.includes(status))
  statuses.clear()
  return bad.map(([status, times]) => `writes were answered with ${status}, ${times} times`)
}
