import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { io, type Socket } from 'socket.io-client'
import { type Problem } from '../../kernel/pipeline/refusals'
import { exampleRecorder } from '../example-recorder'
import { failureSwitches, notesRegistry, notesTable } from '../kernel/notes'
import { type TestKernel, createTestKernel } from '../kernel/test-kernel'
import { waitUntil } from '../kernel/wait-until'
import { RawSocket } from '../realtime/raw-socket'
import { startNodeProcess } from './start-node-process'

const clients: Socket[] = []
afterEach(() => {
  failureSwitches.duringAdd = async () => undefined
  for (const client of clients.splice(0)) client.disconnect()
})

it('a stopping node finishes pending requests, accepts no new ones, and drains its sockets', async () => {
  await using kernel = await createTestKernel({ registry: notesRegistry, tables: notesTable })
  const node = await kernel.startWeb()
  const token = await kernel.issuer.issueToken('ann')
  const add = delayAddNote()

  const socket = await connect(node.url, token)
  const left = new Promise<string>(resolve => socket.once('disconnect', resolve))

  const pending = fetch(`${node.url}/api/v1/notes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"body":"slow"}',
  })
  await waitUntil(() => add.entered() === 1)
  let ended = false
  const ending = Promise.resolve(node[Symbol.asyncDispose]()).then(() => (ended = true))

  // Any reason but `io server disconnect`, after which a client does not reconnect by itself.
  expect(await left).toBe('transport close')
  await waitUntil(() => refusesConnections(node.url))
  expect(ended).toBe(false)
  add.finish()
  const answer = await pending
  expect(answer.status).toBe(201)
  expect(await answer.json()).toMatchObject({ data: { body: 'slow' } })
  await ending
  expect(await kernel.sql(`select body from notes`)).toEqual([{ body: 'slow' }])
})

it('a stopping node answers pending socket calls first, and refuses later ones', async () => {
  await using kernel = await createTestKernel({ registry: notesRegistry, tables: notesTable })
  const node = await kernel.startWeb()
  const add = delayAddNote()

  const socket = await connect(node.url, await kernel.issuer.issueToken('ann'))
  const pending = socket.emitWithAck('notes.addNote', { input: { body: 'slow' } }) as Promise<unknown>
  await waitUntil(() => add.entered() === 1)
  const draining = once(asEmitter(socket), 'connection.draining')
  const ending = Promise.resolve(node[Symbol.asyncDispose]())
  await draining
  let refused: Problem | undefined
  await waitUntil(async () => {
    const reply = (await socket.emitWithAck('user-profile.getMe', {})) as { error?: Problem }
    refused = reply.error
    return refused !== undefined
  })
  expect(refused).toMatchObject({ code: 'node_draining', status: 503, retryAfter: 1 })
  add.finish()
  expect(await pending).toMatchObject({ data: { body: 'slow' } })
  await ending
})

describe('a node that drains for seconds', () => {
  it('notifies its sockets one after the other, waits for them, and serves them meanwhile', async () => {
    await using kernel = await createTestKernel({ registry: notesRegistry, tables: notesTable, nodes: 2, variables })
    const [node, other] = [await kernel.startWeb(0), await kernel.startWeb(1)]
    const token = await kernel.issuer.issueToken('ann')
    const auth = { authorization: `Bearer ${token}` }
    const sockets = await Promise.all(Array.from({ length: 10 }, () => connect(node.url, token)))
    const notified: { deadlineMs: number }[] = []
    const reasons: string[] = []
    let notNotified = 0
    const moves = sockets.map(async (old, index) => {
      old.once('disconnect', reason => reasons.push(reason))
      const [draining] = (await once(asEmitter(old), 'connection.draining')) as [{ deadlineMs: number }]
      notified.push(draining)
      if (notified.length === 1) notNotified = sockets.length - notified.length
      // Half of them reconnect before the old connection closes.
      if (index % 2 === 1) return
      const next = await connect(other.url, token)
      expect(old.connected).toBe(true)
      expect(await old.emitWithAck('user-profile.getMe', {})).toHaveProperty('data')
      old.disconnect()
      expect(next.connected).toBe(true)
    })
    const ending = Promise.resolve(node[Symbol.asyncDispose]())

    await waitUntil(() => notified.length > 0)
    expect(notNotified).toBeGreaterThan(0)
    expect(notified[0]).toEqual({ deadlineMs: 1_000 })
    expect((await fetch(`${node.url}/health/ready`)).status).toBe(503)
    expect((await fetch(`${node.url}/health/live`)).status).toBe(200)
    expect((await fetch(`${node.url}/api/v1/me`, { headers: auth })).status).toBe(200)
    expect((await fetch(`${node.url}/socket.io/?EIO=4&transport=polling`)).status).toBe(503)

    await Promise.all(moves)
    await ending
    await waitUntil(() => reasons.length === sockets.length)
    expect(reasons.filter(reason => reason === 'io client disconnect')).toHaveLength(5)
    expect(reasons.filter(reason => reason === 'transport close')).toHaveLength(5)
    const { values } = (await kernel.apps[0]?.metrics.drainedSockets.get()) ?? { values: [] }
    expect(Object.fromEntries(values.map(({ labels, value }) => [labels.outcome, value]))).toEqual({
      moved: 5,
      closed: 5,
    })
    expect(await refusesConnections(node.url)).toBe(true)
    await other[Symbol.asyncDispose]()
  })

  it('does not wait without sockets', async () => {
    await using kernel = await createTestKernel({ registry: notesRegistry, variables: { DRAIN_SECONDS: '600' } })
    const node = await kernel.startWeb()
    await node[Symbol.asyncDispose]()
    expect(await refusesConnections(node.url)).toBe(true)
  })

  it('closes long-polling sockets as well', async () => {
    await using kernel = await createTestKernel({ registry: notesRegistry, variables })
    const node = await kernel.startWeb()
    const socket = await connect(node.url, await kernel.issuer.issueToken('ann'), ['polling'])
    const left = new Promise<string>(resolve => socket.once('disconnect', resolve))
    await node[Symbol.asyncDispose]()
    expect(await left).toMatch(/^transport (close|error)$/)
  })

  it('closes sockets that do not read', async () => {
    await using kernel = await createTestKernel({ registry: notesRegistry, variables })
    const node = await kernel.startWeb()
    await using admitted = await RawSocket.connect(node.port, await kernel.issuer.issueToken('ann'))
    await using unconnected = await RawSocket.open(node.port)
    admitted.pause()
    unconnected.pause()
    await node[Symbol.asyncDispose]()
    for (const raw of [admitted, unconnected]) {
      raw.resume()
      await raw.untilClosed()
    }
  })
})

describe('a node process', () => {
  let kernel: TestKernel
  beforeAll(async () => {
    kernel = await createTestKernel({ registry: notesRegistry })
  })
  afterAll(() => kernel[Symbol.asyncDispose]())

  it('exits with 0 after SIGTERM, with its calls answered and its sockets drained', async () => {
    await using node = await startNodeProcess({ ...kernel.variables, DRAIN_SECONDS: '1' })
    const token = await kernel.issuer.issueToken('ann')
    const socket = await connect(node.url, token)
    const answers: boolean[] = []
    const calling = callRepeatedly(socket, answers)
    const left = new Promise<string>(resolve => socket.once('disconnect', resolve))
    await waitUntil(() => answers.length > 3)
    node.signal('SIGTERM')
    expect(await left).toBe('transport close')
    expect(await node.exited).toEqual({ code: 0, signal: null })
    await calling
    // The last call may have been sent after the connection was lost.
    expect(answers.slice(0, -1)).not.toContain(false)
  }, 40_000)

  it('exits at once after a second signal', async () => {
    await using node = await startNodeProcess({ ...kernel.variables, DRAIN_SECONDS: '600' })
    const socket = await connect(node.url, await kernel.issuer.issueToken('ann'))
    node.signal('SIGTERM')
    await waitUntil(async () => (await fetch(`${node.url}/health/ready`)).status === 503)
    expect(socket.connected).toBe(true)
    node.signal('SIGTERM')
    expect(await node.exited).toEqual({ code: 1, signal: null })
  }, 40_000)
})

const variables = { DRAIN_SECONDS: '1' }

/** Makes addNote wait. */
function delayAddNote() {
  let finish: () => void = () => undefined
  let entered = 0
  const finished = new Promise<void>(resolve => (finish = resolve))
  failureSwitches.duringAdd = () => ((entered += 1), finished)
  return { finish: () => finish(), entered: () => entered }
}

async function connect(url: string, token: string, transports = ['websocket']): Promise<Socket> {
  const socket = io(url, { auth: { token }, transports, forceNew: true, reconnection: false })
  exampleRecorder.recordSocket(socket)
  clients.push(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  return socket
}

const asEmitter = (socket: Socket) => socket as unknown as NodeJS.EventEmitter

/** Calls repeatedly until the connection is closed; every earlier call must have a reply. */
async function callRepeatedly(socket: Socket, answers: boolean[]): Promise<void> {
  while (socket.connected) {
    const reply = (await socket.emitWithAck('user-profile.getMe', {}).catch(() => ({}))) as object
    answers.push('data' in reply || 'error' in reply)
    await pause(150)
  }
}

const refusesConnections = (url: string) =>
  fetch(`${url}/health/live`, { headers: { connection: 'close' } }).then(
    () => false,
    () => true,
  )
