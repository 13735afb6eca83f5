import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io as connect } from 'socket.io-client'
import { newId } from '../../kernel/pipeline/new-id'
import { createRegistry } from '../../kernel/pipeline/registry'
import { Refusal } from '../../kernel/pipeline/refusals'
import { count, id, shape, integer } from '../../kernel/pipeline/schema'
import { type StateFrame } from '../../kernel/events/frames'
import { counter, counterWindowMs } from '../../kernel/events/counter'
import { transact } from '../../kernel/pipeline/transact'
import { type AppContext } from '../../kernel/platform/app-context'
import { startStateSync, type StateSync } from '../../realtime/state/state-sync'
import { provisionProfile } from '../../skills/user-profile/provision-profile'
import { createTestKernel, type TestKernel } from '../kernel/test-kernel'
import { waitUntil } from '../kernel/wait-until'

/** A play count: the simplest counter, with a switch to make it fail. */
const failing = new Set<string>()
let settlements = 0
const plays = counter({
  name: 'test.plays',
  summary: 'Plays.',
  channelKind: 'song',
  stateKey: 'plays',
  change: shape({ by: integer(-1, 1) }),
  value: shape({ song: id, plays: count, rev: count }),
  async apply(waiting, { app }) {
    settlements += 1
    const sums = new Map<string, number>()
    for (const { targetId, change } of waiting) sums.set(targetId, (sums.get(targetId) ?? 0) + change.by)
    for (const [song, by] of sums) {
      if (failing.has(song)) throw new Error('this song is broken')
      await app.db.query(
        `insert into songs values (:song, :by, 1)
         on conflict (song) do update set plays = songs.plays + :by, rev = songs.rev + 1`,
        { song, by },
      )
    }
    return playsOf([...sums.keys()], app)
  },
  read: (songs, app) => playsOf(songs, app),
})

async function playsOf(songs: readonly string[], { db }: AppContext) {
  const rows = await db.query<{ song: string; plays: number; rev: number }>(
    'select song, plays, rev from songs where song in (:songs)',
    { songs },
  )
  return new Map(rows.map(row => [row.song, row]))
}

const registry = createRegistry([{ plays }], provisionProfile)

let kernel: TestKernel
let state: StateSync
let io: Server
const http = createServer()
beforeAll(async () => {
  kernel = await createTestKernel({
    registry,
    nodes: 2,
    tables: 'create table songs (song uuid primary key, plays integer, rev integer)',
  })
  io = new Server(http)
  io.on('connection', socket => {
    socket.onAny((_name: string, room: string, done: () => void) => void Promise.resolve(socket.join(room)).then(done))
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  state = startStateSync(kernel.app, registry, io)
  await waitUntil(() => state.isLeader)
})
afterAll(async () => {
  await io.close()
  await state[Symbol.asyncDispose]()
  await kernel[Symbol.asyncDispose]()
})

const someSong = () => newId(new Date())
const play = async (song: string, node = 0, by = 1) => {
  const app = kernel.apps[node] ?? kernel.app
  await transact({ app, registry, actor: null, requestId: randomUUID() }, ({ changeCounter: change }) =>
    change(plays, song, { by }),
  )
}

/** A follower with a plain client, and the state it receives of one channel. */
async function follower(channel: string) {
  const { port } = http.address() as AddressInfo
  const client = connect(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true })
  const frames: StateFrame[] = []
  client.on('state', (frame: StateFrame) => frame.channel === channel && frames.push(frame))
  await client.timeout(5_000).emitWithAck('join', channel)
  const socket = io.sockets.sockets.get(client.id ?? '')
  if (socket === undefined) throw new Error('the socket is not connected')
  const plays = () => Number(frames.at(-1)?.values.plays?.plays ?? 0)
  return { client, socket, frames, plays }
}

describe('a counter change', () => {
  it('is added only if its condition holds, and not if its transaction fails', async () => {
    const song = someSong()
    const call = { app: kernel.app, registry, actor: null, requestId: randomUUID() }
    const cause = { sql: 'select 1 where :really', replacements: { really: false } }
    expect(await transact(call, async ({ changeCounter: change }) => change(plays, song, { by: 1 }, cause))).toBe(false)
    const broken = transact(call, async ({ changeCounter: change }) => {
      await change(plays, song, { by: 1 })
      throw new Error('not after all')
    })
    await expect(broken).rejects.toThrow('not after all')
    await play(song)
    await waitUntil(async () => (await state.readState(`song:${song}`)).plays?.plays === 1)
    expect(await state.readState(`song:${song}`)).toEqual({ plays: { song, plays: 1, rev: 1 } })
  })

  it('must match its declaration', async () => {
    await expect(play(someSong(), 0, 7)).rejects.toBeInstanceOf(Refusal)
  })
})

describe('state frames', () => {
  it('are sent at once, then at most once per window with the newest value, from either node', async () => {
    const song = someSong()
    const one = await follower(`song:${song}`)
    const began = kernel.clock.now()
    for (let index = 0; index < 60; index += 1) await play(song, index % 2)
    await waitUntil(() => one.plays() === 60)
    expect(one.frames.length).toBeLessThanOrEqual(Math.ceil((kernel.clock.now() - began) / counterWindowMs) + 1)
    expect(one.frames[0]?.values.plays?.rev).toBe(1)
    one.client.disconnect()
  })

  it('skip slow followers, who get the newest value on resync', async () => {
    const song = someSong()
    const channel = `song:${song}`
    const [quick, slow] = [await follower(channel), await follower(channel)]
    await slow.socket.join('slow')
    for (let total = 1; total <= 3; total += 1) {
      await play(song)
      await waitUntil(() => quick.plays() === total)
    }
    expect(slow.frames).toEqual([])
    await slow.socket.leave('slow')
    state.resend(slow.socket)
    await waitUntil(() => slow.frames.length > 0)
    expect(slow.frames).toEqual([{ channel, values: { plays: { song, plays: 3, rev: 3 } } }])
    await play(song)
    await waitUntil(() => slow.plays() === 4)
    for (const { client } of [quick, slow]) client.disconnect()
  })

  it('reach listeners without a socket, until they stop', async () => {
    const song = someSong()
    const received: StateFrame[] = []
    const end = state.listen(`song:${song}`, frame => received.push(frame))
    await play(song, 1)
    await waitUntil(() => received.length === 1)
    end()
    end()
    const other = await follower(`song:${song}`)
    await play(song, 1)
    await waitUntil(() => other.plays() === 2)
    expect(received).toHaveLength(1)
    other.client.disconnect()
  })

  it('stop with the last follower, and the next one gets the newest value', async () => {
    const song = someSong()
    const one = await follower(`song:${song}`)
    await play(song)
    await waitUntil(() => one.plays() === 1)
    one.client.disconnect()
    await waitUntil(() => !io.of('/').adapter.rooms.has(`song:${song}`))
    await play(song)
    await waitUntil(async () => (await plays.read([song], kernel.app)).get(song)?.plays === 2)
    const two = await follower(`song:${song}`)
    await waitUntil(async () => (await state.readState(`song:${song}`)).plays?.plays === 2)
    two.client.disconnect()
  })

  it('are not sent for channels without counters or changes', async () => {
    expect(await state.readState('other:thing')).toEqual({})
    expect(await state.readState(`song:${someSong()}`)).toEqual({})
    const end = state.listen('other:thing', () => undefined)
    end()
  })
})

describe('a counter that cannot be applied', () => {
  it('delays no other, and is applied as soon as possible', async () => {
    const [broken, sound] = [someSong(), someSong()]
    failing.add(broken)
    await play(broken)
    await play(sound)
    await waitUntil(async () => (await state.readState(`song:${sound}`)).plays?.plays === 1)
    await play(broken)
    failing.clear()
    kernel.clock.advance(10_000)
    await waitUntil(async () => (await plays.read([broken], kernel.app)).get(broken)?.plays === 2)
  })

  it('is kept if only another release knows its counter', async () => {
    const song = someSong()
    await kernel.app.counters.addChange({ counter: 'test.unknown', targetId: song, change: {}, at: new Date() })
    await play(song)
    await waitUntil(async () => (await state.readState(`song:${song}`)).plays?.plays === 1)
    expect(await kernel.sql(`select 1 from counter_changes where counter = 'test.unknown'`)).toHaveLength(1)
  })
})

it('many targets are applied together', async () => {
  const songs = Array.from({ length: 300 }, someSong)
  const before = settlements
  await Promise.all(songs.map(song => play(song)))
  await waitUntil(async () => (await plays.read(songs, kernel.app)).size === songs.length)
  expect(settlements - before).toBeLessThan(songs.length / 2)
})
