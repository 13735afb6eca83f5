import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Arena } from './arena'
import { BareFollower } from './bare-follower'
import { ClientFollower } from './client-follower'
import { type CuttingProxy, cuttingProxy } from './cutting-proxy'
import { Follower, type FollowerWish, type Road } from './follower'
import { digestOf, duplicatesIn, holesIn, judge, type Logged, type Violation } from './oracle'
import { channelOf } from './product'
import { type Random, randomFrom } from './random'
import { worthAnotherTry, Writer } from './writer'

export interface SceneWish {
  clients: number
  boards: number
  /** How many boards each client follows. */
  each: number
  /** So many clients, the first ones, follow all boards, and nothing lies between them and the nodes. */
  greedy: number
  writesPerSecond: number
  padBytes: number
  /** So long after the end of a fault everybody must have everything. */
  settleMs: number
  seed: number
  /** The road of the n-th client. */
  roadOf: (n: number) => Road
}

export const smallScene: SceneWish = {
  clients: 30,
  boards: 6,
  each: 2,
  greedy: 0,
  writesPerSecond: 60,
  padBytes: 200,
  settleMs: 20_000,
  seed: 1,
  roadOf: () => 'websocket',
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
  /** Holes and repeats that were on the wire, and that the client's rule made good. */
  gaps: number
  repeats: number
  /** The longest from an event to its being applied, outage included. */
  worstMs: number
  /** The longest that a write took, all its tries together. */
  worstWriteMs: number
  /** What followers were refused with, and how often. */
  problems: Readonly<Record<string, number>>
  /** Everything that breaks the promise, in words. */
  violations: string[]
}

/** By the wire contract, by our client, or by Socket.IO alone. */
export type AnyFollower = Follower | ClientFollower | BareFollower

/** Writers, followers and what lies between, for as long as faults are made. */
export interface Scene extends AsyncDisposable {
  arena: Arena
  random: Random
  followers: readonly AnyFollower[]
  /** What connections go through. */
  proxies: readonly CuttingProxy[]
  /** The addresses of the nodes behind them. */
  urls: readonly string[]
  channels: readonly string[]
  /** A channel that all follow and nobody writes on. */
  quiet: string
  /** Whether every client has applied everything that is in the log now. */
  allCaughtUp(): Promise<boolean>
  /** Has everybody write while the fault goes on, waits until all is settled, and judges. */
  during(name: string, fault: () => Promise<readonly string[]>): Promise<Verdict>
}

const connectWithinMs = 60_000
const writersMax = 8
const violationsShown = 12

export async function openScene(arena: Arena, more: Partial<SceneWish> = {}): Promise<Scene> {
  const wish = { ...smallScene, ...more }
  const random = randomFrom(wish.seed)
  const isBare = arena.kind === 'bare'
  const ports = arena.nodes.map(({ port }) => port)
  const balancer = await cuttingProxy(ports, random)
  const direct = await Promise.all(ports.map(port => cuttingProxy([port], random)))
  const proxies = [balancer, ...direct]
  const boards = Array.from({ length: wish.boards }, () => randomUUID())
  const channels = boards.map(channelOf)
  const quiet = channelOf(randomUUID())
  const nodes = arena.nodes.map(({ url }) => url)
  const urls = direct.map(({ url }) => url)
  const token = await arena.issuer.tokenFor('writer', longLived)
  const writerCount = Math.min(writersMax, boards.length)
  const writers = boards.slice(0, writerCount).map(
    board =>
      new Writer({
        urls: nodes,
        token,
        board,
        // The control has no order of its own: its writers count, each on a board of its own.
        others: isBare ? [] : boards,
        perSecond: wish.writesPerSecond / writerCount,
        padBytes: wish.padBytes,
        random,
      }),
  )
  const followed = isBare ? channels.slice(0, writerCount) : channels
  const followers: AnyFollower[] = []
  const dispose = async () => {
    await Promise.all(writers.map(writer => writer.stop()))
    await Promise.all(followers.map(follower => follower.leave()))
    for (const proxy of proxies) await proxy[Symbol.asyncDispose]()
  }
  for (let n = 0; n < wish.clients; n += 1) {
    const isGreedy = n < wish.greedy
    const some = Array.from({ length: wish.each }, (_, k) => followed[(n + k) % followed.length] ?? '')
    const name = `client-${n}`
    const follower: FollowerWish = {
      name,
      token: await arena.issuer.tokenFor(name, longLived),
      channels: [...new Set([...(isGreedy ? followed : some), ...(isBare ? [] : [quiet])])],
      urls: isGreedy ? nodes : urls,
      random,
      road: wish.roadOf(n),
    }
    if (isBare) followers.push(new BareFollower(follower))
    else if (n % 3 === 2 && !isGreedy) followers.push(new ClientFollower(follower, balancer.url))
    else followers.push(new Follower(follower))
    if (n % 50 === 49 || n === wish.clients - 1)
      await follow(followers).catch(async (error: unknown) => {
        await dispose()
        throw error
      })
  }

  async function truth(): Promise<Map<string, Logged[]>> {
    const log = new Map<string, Logged[]>([...channels, quiet].map(channel => [channel, []]))
    if (isBare)
      for (const { acknowledged } of writers)
        for (const { channels: on, n, digest, write } of acknowledged)
          for (const channel of on) log.get(channel)?.push({ offset: n, digest, write })
    else
      for (const row of await logRows(arena, [...log.keys()]))
        log.get(row.channel)?.push({ offset: Number(row.offset), digest: digestOf(row), write: row.data.write })
    return log
  }

  async function allCaughtUp(): Promise<boolean> {
    const log = await truth()
    return followers.every(({ sides }) =>
      sides.every(side => (side.position?.offset ?? -1) >= (log.get(side.channel)?.length ?? 0)),
    )
  }

  /** The control can only wait a while: nobody there knows what is missing. */
  async function settle(): Promise<void> {
    if (isBare) await pause(bareSettleMs)
    if (isBare) return
    const deadline = Date.now() + wish.settleMs
    while (!(await allCaughtUp()) && Date.now() < deadline) await pause(100)
  }

  return {
    arena,
    random,
    followers,
    proxies,
    urls,
    channels,
    quiet,
    allCaughtUp,
    async during(name, fault) {
      const deliveredBefore = await truth()
      for (const writer of writers) {
        writer.worstMs = 0
        writer.start()
      }
      const more = await fault()
      await Promise.all(writers.map(writer => writer.stop()))
      await settle()
      const log = await truth()
      const sides = followers.flatMap(follower => follower.sides.map(side => ({ side, client: follower.wish.name })))
      const found = judge({
        log,
        histories: sides.map(({ side, client }) => side.history(client)),
        acknowledged: writers.flatMap(({ acknowledged }) => acknowledged),
      })
      const sum = (of: 'deliveries' | 'resets' | 'gaps' | 'repeats') =>
        sides.reduce((all, { side }) => all + side[of], 0)
      const verdict: Verdict = {
        experiment: name,
        seed: wish.seed,
        events: size(log) - size(deliveredBefore),
        clients: followers.length,
        deliveries: sum('deliveries'),
        holes: holesIn(found),
        duplicates: duplicatesIn(found),
        resets: sum('resets'),
        gaps: sum('gaps'),
        repeats: sum('repeats'),
        worstMs: Math.max(...sides.map(({ side }) => side.worstMs)),
        worstWriteMs: Math.max(...writers.map(({ worstMs }) => worstMs)),
        problems: problemsOf(followers),
        violations: [
          ...more,
          ...inWords(found),
          ...sides.flatMap(({ side, client }) =>
            side.lies.splice(0).map(lie => `${client} was told of ${side.channel}: ${lie}`),
          ),
          ...writers.flatMap(({ statuses }) => badStatuses(statuses)),
          ...arena.nodes.flatMap(({ name: node, deaths }) =>
            deaths.map(({ code, signal }) => `${node} died: ${signal ?? code}`),
          ),
        ],
      }
      for (const { side } of sides) if (!isBare) side.turnPage()
      return verdict
    },
    [Symbol.asyncDispose]: dispose,
  }
}

const longLived = { ttlSeconds: 86_400 }
const bareSettleMs = 2_000

/** Resolves when all of them are where they start from. */
async function follow(followers: readonly AnyFollower[]): Promise<void> {
  const deadline = Date.now() + connectWithinMs
  const missing = () => followers.filter(({ sides }) => sides.some(({ position }) => position === undefined)).length
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

async function logRows(arena: Arena, channels: readonly string[]): Promise<LogRow[]> {
  const text = `select channel, "offset", id, name, at::text as at, data from channel_events
                where channel = any($1) order by channel, "offset"`
  for (let tries = 1; ; tries += 1)
    try {
      // As whoever reads the log by its functions.
      await arena.sql(`select count(*) from place_events('{0, 1, 2, 3, 4, 5, 6, 7}', 1000000)`, [])
      return await arena.sql<LogRow>(text, [channels])
    } catch (error) {
      if (tries === 20) throw error
      await pause(250)
    }
}

const size = (log: ReadonlyMap<string, readonly Logged[]>): number =>
  [...log.values()].reduce((all, events) => all + events.length, 0)

/** The first dozen, what was lost before all else. */
function inWords(found: readonly Violation[]): string[] {
  const isHole = ({ fault }: Violation) => Number(fault === 'hole')
  const shown = found
    .toSorted((one, other) => isHole(other) - isHole(one))
    .slice(0, violationsShown)
    .map(({ fault, channel, client, offset, write }) =>
      [fault, channel, client, offset, write].filter(word => word !== undefined).join(' '),
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
  const bad = [...statuses].filter(([status]) => status !== 201 && !worthAnotherTry.includes(status))
  statuses.clear()
  return bad.map(([status, times]) => `writes were answered with ${status}, ${times} times`)
}
