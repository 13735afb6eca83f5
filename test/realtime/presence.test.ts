import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Redis as RedisClient } from 'ioredis'
import { type Redis, startRedis } from '../../dev/processes/redis'
import { membersListedMax, type PresenceTimings } from '../../kernel/platform/presence-store'
import { getPresence } from '../../skills/listening-party/get-presence'
import { joinParty } from '../../skills/listening-party/join-party'
import { createParty } from '../../skills/listening-party/create-party'
import { kickMember } from '../../skills/listening-party/kick-member'
import { createTemporaryFolder } from '../dev/processes-fixture/create-temporary-folder'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { type Person, type Reply } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { type ShortLeaseNode, startShortLeaseProcess, startShortLeaseNode } from './short-lease-nodes'
import { PresenceFollower } from './presence-follower'

/** A grace period that no test waits for: who leaves in a test must leave at once. */
const longLeases: PresenceTimings = { leaseMs: 10_000, refreshMs: 200, graceMs: 60_000, windowMs: 20 }
const shortLeases: PresenceTimings = { leaseMs: 600, refreshMs: 100, graceMs: 400, windowMs: 20 }

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let redis: Redis
let testApp: TestApp
let ann: Person
let bob: Person
let partyId: string
let channel: string
let nodes: ShortLeaseNode[] = []
let rosters: PresenceFollower[] = []
const unhandled: unknown[] = []
const onUnhandled = (error: unknown) => void unhandled.push(error)

beforeAll(async () => {
  for (const event of ['unhandledRejection', 'uncaughtException']) process.on(event, onUnhandled)
  folder = await createTemporaryFolder()
  redis = await startRedis({ folder: join(folder.path, 'redis') })
  testApp = await createTestApp({
    nodes: 1,
    variables: { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port), DATABASE_POOL_MAX: '20' },
  })
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
})
beforeEach(async () => {
  const { id: trackId } = await makeTrack(ann.id)
  const { party } = await ann.call(createParty, { title: 'Here', trackIds: [trackId] })
  partyId = party.id
  channel = `party:${partyId}`
  await bob.call(joinParty, { partyId })
})
afterEach(async () => {
  for (const roster of rosters) roster.close()
  for (const node of nodes) await node[Symbol.asyncDispose]()
  nodes = []
  rosters = []
  expect(unhandled).toEqual([])
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
  for (const event of ['unhandledRejection', 'uncaughtException']) process.off(event, onUnhandled)
})

async function startNodes(...timings: PresenceTimings[]): Promise<ShortLeaseNode[]> {
  const started = await Promise.all(timings.map(each => startShortLeaseNode(testApp, each)))
  nodes.push(...started)
  return started
}

async function follow(person: Person, node: { url: string } | undefined): Promise<PresenceFollower> {
  const roster = await PresenceFollower.open(node?.url ?? '', person.token, channel)
  rosters.push(roster)
  return roster
}

/** Simulates kill -9: the node sends nothing more. */
function kill({ app: { redis: clients } }: ShortLeaseNode): void {
  for (const client of [clients.commands, clients.publisher, clients.subscriber]) client.disconnect()
}

describe('the presence of a channel', () => {
  it('is sent to each follower on all nodes, including the person who joins', async () => {
    const [one, two] = await startNodes(longLeases, longLeases)
    const annas = await follow(ann, one)
    expect(annas.hasExactly(ann.id)).toBe(true)
    const bobs = await follow(bob, two)
    expect(bobs.hasExactly(ann.id, bob.id)).toBe(true)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    expect(annas.followCount).toBe(1)
  })

  it('counts a person once over several sockets and nodes, until the last one leaves', async () => {
    const [one, two] = await startNodes(longLeases, longLeases)
    const annas = await follow(ann, one)
    const bobs = [await follow(bob, one), await follow(bob, one), await follow(bob, two)]
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    const { rev } = annas
    for (const roster of bobs.slice(0, 2)) roster.close()
    await waitUntil(
      async () => (await one?.app.redis.commands.hget(`presence:{${channel}}:members`, bob.id))?.length === 12,
    )
    expect(annas.rev).toBe(rev)
    bobs[2]?.close()
    await waitUntil(() => annas.hasExactly(ann.id))
    expect(annas.leftIds).toEqual([bob.id])
  })

  it('ends at once after an unfollow, a disconnect or a kick', async () => {
    const [one, two] = await startNodes(longLeases, longLeases)
    const annas = await follow(ann, one)
    const first = await follow(bob, two)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    const reply = (await first.socket.emitWithAck('channel.unfollow', { input: { channel } })) as Reply
    expect(reply.data).toEqual({ channel })
    await waitUntil(() => annas.hasExactly(ann.id))
    const second = await follow(bob, two)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    second.close()
    await waitUntil(() => annas.hasExactly(ann.id))
    await follow(bob, two)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    await ann.call(kickMember, { partyId, profileId: bob.id })
    await waitUntil(() => annas.hasExactly(ann.id))
  })

  it('exists for parties only', async () => {
    const [one] = await startNodes(longLeases)
    const { id } = await makeTrack(ann.id)
    const { socket } = await follow(ann, one)
    const reply = (await socket.emitWithAck('channel.follow', { input: { channel: `track:${id}` } })) as Reply
    expect(reply.data).toMatchObject({ channel: `track:${id}` })
    expect((reply.data as { state: object }).state).not.toHaveProperty('presence')
  })

  it('can be read over both transports with access to the channel', async () => {
    const [one, two] = await startNodes(longLeases, longLeases)
    await follow(ann, one)
    await follow(bob, two)
    for (const transport of ['rest', 'socket'] as const) {
      const { count, members } = await bob.call(getPresence, { partyId }, { transport })
      expect({ count, members: members?.sort() }).toEqual({ count: 2, members: [ann.id, bob.id].sort() })
    }
  })

  it('is not sent to viewers without access', async () => {
    const [one] = await startNodes(longLeases)
    const carl = await testApp.signIn('carl')
    await expect(follow(carl, one)).rejects.toMatchObject({ problem: { code: 'forbidden' } })
    expect(await carl.expectProblem(getPresence, { partyId })).toMatchObject({ code: 'forbidden' })
    expect(await ann.expectProblem(getPresence, { partyId: randomUUID() })).toMatchObject({ code: 'not_found' })
    expect(await one?.app.presence.read(channel)).toMatchObject({ count: 0, members: [] })
  })

  it('is the same on all nodes after many joins, leaves and lost connections', async () => {
    const [one, two] = await startNodes(shortLeases, shortLeases)
    const annas = [await follow(ann, one), await follow(ann, two)]
    const audience = await Promise.all(Array.from({ length: 8 }, (_, index) => testApp.signIn(`crowd${index}`)))
    for (const person of audience) await person.call(joinParty, { partyId })
    const staying = await Promise.all(
      audience.map(async (person, index) => {
        const own: PresenceFollower[] = []
        for (let round = 0; round < 4; round += 1) {
          own.push(await follow(person, (index + round) % 2 === 0 ? one : two))
          if (round % 2 === 1) own.shift()?.[(index + round) % 3 === 0 ? 'goOffline' : 'close']()
        }
        if (index % 2 === 0) return [person.id]
        for (const roster of own) roster.goOffline()
        return []
      }),
    )
    const everybody = [ann.id, ...staying.flat()]
    await waitUntil(() => annas.every(roster => roster.hasExactly(...everybody)))
  })
})

describe('a person whose connection is lost', () => {
  it('stays present when they reconnect to another node', async () => {
    const [one, two] = await startNodes(longLeases, longLeases)
    const annas = await follow(ann, one)
    const bobs = await follow(bob, two)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    bobs.goOffline()
    await follow(bob, one)
    await follow(bob, two)
    expect(annas.hasExactly(ann.id, bob.id)).toBe(true)
    expect(annas.leftIds).toEqual([])
  })

  it('leaves after the grace period', async () => {
    const [one, two] = await startNodes(longLeases, shortLeases)
    const annas = await follow(ann, one)
    const bobs = await follow(bob, two)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    bobs.goOffline()
    await waitUntil(() => annas.hasExactly(ann.id))
    expect(annas.leftIds).toEqual([bob.id])
  })
})

describe('a node', () => {
  it('that is killed removes only people who are on no other node (F13)', async () => {
    const [one, two] = await startNodes(shortLeases, shortLeases)
    const carl = await testApp.signIn('carl2')
    await carl.call(joinParty, { partyId })
    const annas = await follow(ann, one)
    await follow(bob, two)
    await follow(carl, two)
    await follow(carl, one)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id, carl.id))
    if (two !== undefined) kill(two)
    await waitUntil(() => annas.hasExactly(ann.id, carl.id))
    expect(annas.leftIds).toEqual([bob.id])
    await waitUntil(async () => ((await one?.app.metrics.presenceSweeps.get())?.values[0]?.value ?? 0) > 0)
    await waitUntil(async () => (await one?.app.redis.commands.zcard('presence:nodes')) === 2)
  })

  it('that was frozen beyond its lease restores its members', async () => {
    const [one, two] = await startNodes(shortLeases, shortLeases)
    const annas = await follow(ann, one)
    const bobs = await follow(bob, two)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    two?.app.redis.commands.disconnect()
    await waitUntil(() => annas.hasExactly(ann.id))
    await two?.app.redis.commands.connect()
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    await waitUntil(() => bobs.hasExactly(ann.id, bob.id))
    bobs.close()
    await waitUntil(() => annas.hasExactly(ann.id))
  })

  it('in its own process is removed when killed, after its lease when frozen, and restored when it continues', async () => {
    const [one] = await startNodes(shortLeases)
    await using two = await startShortLeaseProcess(testApp, shortLeases)
    const annas = await follow(ann, one)
    await follow(bob, two)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    two.signal('SIGSTOP')
    await waitUntil(() => annas.hasExactly(ann.id))
    two.signal('SIGCONT')
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    await follow(ann, two)
    two.signal('SIGKILL')
    await waitUntil(() => annas.hasExactly(ann.id))
    expect(annas.leftIds).toEqual([bob.id, bob.id])
  })

  it('that drains leaves its members a grace period to reconnect elsewhere', async () => {
    const [one, two] = await startNodes(longLeases, longLeases)
    const annas = await follow(ann, one)
    const bobs = await follow(bob, two)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id))
    bobs.socket.io.reconnection(false)
    await two?.[Symbol.asyncDispose]()
    nodes = nodes.filter(node => node !== two)
    await follow(bob, one)
    expect(annas.hasExactly(ann.id, bob.id)).toBe(true)
    expect(annas.leftIds).toEqual([])
  })
})

describe('Redis', () => {
  const openStage = async () => {
    const [one, two] = await startNodes(shortLeases, shortLeases)
    const annas = await follow(ann, one)
    const bobs = await follow(bob, two)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id) && bobs.hasExactly(ann.id, bob.id))
    return { one, two, annas, bobs }
  }

  it('that is wiped is filled again, and no member is reported as left', async () => {
    const { one, two, annas, bobs } = await openStage()
    const { rev } = annas
    for (let round = 0; round < 3; round += 1) {
      await one?.app.redis.commands.flushall()
      await waitUntil(async () => (await one?.app.presence.read(channel))?.count === 2)
    }
    const carl = await testApp.signIn('carl3')
    await carl.call(joinParty, { partyId })
    await follow(carl, two)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id, carl.id) && bobs.hasExactly(ann.id, bob.id, carl.id))
    expect(annas.rev).toBeGreaterThan(rev)
    expect([...annas.leftIds, ...bobs.leftIds]).toEqual([])
  })

  it('that is away stops presence and nothing else, and presence is correct after its return', async () => {
    const { one, two, annas, bobs } = await openStage()
    await redis.stop()
    bobs.goOffline()
    const late = await follow(ann, two)
    expect(late.count).toBeGreaterThan(0)
    await waitUntil(async () => (await ann.request(getPresence, { partyId })).error?.code === 'unavailable')
    // Longer than lease and grace together: the first node to return must not remove the others.
    await waitUntil(() => one?.app.redis.commands.status === 'reconnecting')
    await new Promise(resolve => setTimeout(resolve, shortLeases.leaseMs + shortLeases.graceMs + 200))
    expect([...annas.leftIds, ...late.leftIds]).toEqual([])
    await redis.restart()
    for (const node of [one, two]) await waitUntil(() => node?.app.redis.subscriber.status === 'ready')
    await waitUntil(() => annas.hasExactly(ann.id) && late.hasExactly(ann.id))
    await follow(bob, one)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id) && late.hasExactly(ann.id, bob.id))
    expect([...annas.leftIds, ...late.leftIds]).not.toContain(ann.id)
  })

  it('that is frozen for longer than all leases is used again, and no member is reported as left', async () => {
    const { two, annas, bobs } = await openStage()
    process.kill(redis.pid, 'SIGSTOP')
    await new Promise(resolve => setTimeout(resolve, shortLeases.leaseMs + shortLeases.graceMs + 200))
    process.kill(redis.pid, 'SIGCONT')
    const carl = await testApp.signIn('carl4')
    await carl.call(joinParty, { partyId })
    await follow(carl, two)
    await waitUntil(() => annas.hasExactly(ann.id, bob.id, carl.id) && bobs.hasExactly(ann.id, bob.id, carl.id))
    expect([...annas.leftIds, ...bobs.leftIds]).toEqual([])
  })

  it('that was unreachable for all nodes does not make the first one remove the others', async () => {
    const { one, two, annas, bobs } = await openStage()
    for (const node of [one, two]) node?.app.redis.commands.disconnect()
    const { commands } = testApp.app.redis
    const leases = (from: number) => commands.zcount('presence:nodes', from, '+inf')
    await waitUntil(async () => (await leases(Date.now() - shortLeases.graceMs)) === 1)
    await one?.app.redis.commands.connect()
    await waitUntil(async () => (await leases(Date.now())) === 2)
    await two?.app.redis.commands.connect()
    await waitUntil(async () => (await leases(Date.now())) === 3)
    bobs.close()
    await waitUntil(() => annas.hasExactly(ann.id))
    expect([annas.leftIds, bobs.leftIds]).toEqual([[bob.id], []])
    expect(annas.frames.filter(({ joined }) => joined.includes(bob.id))).toHaveLength(1)
  })

  it('whose connections are cut repeatedly ends in the correct state', async () => {
    const { one, two, annas } = await openStage()
    const killer = new RedisClient(redis.url)
    for (let round = 0; round < 4; round += 1) {
      const coming = follow(bob, round % 2 === 0 ? one : two)
      for (const kind of ['pubsub', 'normal']) await killer.call('client', 'kill', 'type', kind, 'skipme', 'yes')
      ;(await coming).close()
    }
    killer.disconnect()
    for (const roster of rosters.slice(1)) roster.close()
    await waitUntil(() => annas.hasExactly(ann.id))
  })

  it('may deliver any message on our topics', async () => {
    const { annas, bobs } = await openStage()
    const publisher = new RedisClient(redis.url)
    const topic = testApp.app.presence.topic(channel)
    for (const message of [
      '',
      'x',
      '1',
      '7 7 7',
      `9999999999999 1 5 ${'a,'.repeat(3)} b`,
      '-1 0 0',
      'null',
      '{}',
      '\0',
    ])
      expect(await publisher.publish(topic, message)).toBeGreaterThan(0)
    publisher.disconnect()
    bobs.close()
    await waitUntil(() => annas.hasExactly(ann.id))
  })
})

describe('a large audience', () => {
  const someNode = 'elsewhere'
  const people = Array.from({ length: membersListedMax + 20 }, () => randomUUID())

  it(`of more than ${membersListedMax} is reported as a count, and by name when it shrinks`, async () => {
    const [one] = await startNodes(longLeases)
    const annas = await follow(ann, one)
    const otherStore = testApp.app.presence
    await otherStore.renewLease(someNode, true)
    await otherStore.applyChanges(channel, someNode, people, [])
    await waitUntil(() => annas.count === people.length + 1)
    expect(annas.members).toBeNull()
    expect(annas.frames.at(-1)).toMatchObject({ joined: [], left: [] })
    const late = await follow(bob, one)
    expect(await late.follow()).toMatchObject({ count: people.length + 2, members: null })
    const leaving = people.slice(0, 30)
    await otherStore.applyChanges(channel, someNode, [], leaving)
    const left = [ann.id, bob.id, ...people.slice(30)]
    await waitUntil(() => annas.hasExactly(...left) && late.hasExactly(...left))
    expect(annas.followCount).toBe(1)
  })

  it('that joins one by one costs a frame per window, not per person', async () => {
    const [one] = await startNodes({ ...longLeases, windowMs: 500 })
    const annas = await follow(ann, one)
    const otherStore = testApp.app.presence
    await otherStore.renewLease(someNode, true)
    const some = people.slice(0, 100)
    await Promise.all(some.map(member => otherStore.applyChanges(channel, someNode, [member], [])))
    await waitUntil(() => annas.hasExactly(ann.id, ...some))
    expect(annas.frames.length).toBeLessThan(20)
    expect(annas.followCount).toBe(1)
  })

  it('reports no member as left twice: a change under a lost lease is rejected', async () => {
    const otherStore = testApp.app.presence
    expect(await otherStore.applyChanges(channel, randomUUID(), people, [])).toBeUndefined()
    expect(await otherStore.replaceMembers(channel, randomUUID(), people)).toBeUndefined()
    expect(await otherStore.read(channel)).toMatchObject({ count: 0 })
  })
})
