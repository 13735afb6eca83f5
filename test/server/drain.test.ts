import { io } from 'socket.io-client'
import { hooks, notesProduct, notesTable } from '../kernel/notes'
import { ownWorld } from '../kernel/own-world'
import { until } from '../kernel/until'

it('a node that is told to end finishes what is under way, takes nothing new, and sends its sockets elsewhere', async () => {
  await using own = await ownWorld({ product: notesProduct, tables: notesTable })
  const node = await own.open()
  const token = await own.issuer.tokenFor('ann')
  let finish: () => void = () => undefined
  let entered = 0
  const finished = new Promise<void>(resolve => (finish = resolve))
  hooks.duringAdd = () => ((entered += 1), finished)

  const socket = io(node.url, { auth: { token }, transports: ['websocket'], forceNew: true, reconnection: false })
  await new Promise<void>(resolve => socket.once('connect', resolve))
  const left = new Promise<string>(resolve => socket.once('disconnect', resolve))

  const underWay = fetch(`${node.url}/api/v1/notes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"body":"slow"}',
  })
  await until(() => entered === 1)
  let ended = false
  const ending = Promise.resolve(node[Symbol.asyncDispose]()).then(() => (ended = true))

  // Any reason but `io server disconnect`, after which a client does not come back by itself.
  expect(await left).toBe('transport close')
  await expect(fetch(`${node.url}/health/live`, { headers: { connection: 'close' } })).rejects.toThrow()
  expect(ended).toBe(false)
  finish()
  const answer = await underWay
  expect(answer.status).toBe(201)
  expect(await answer.json()).toMatchObject({ data: { body: 'slow' } })
  await ending
  hooks.duringAdd = async () => undefined
  socket.disconnect()
  expect(await own.sql(`select body from notes`)).toEqual([{ body: 'slow' }])
})

it('a node that is told to end answers the calls of its sockets first', async () => {
  await using own = await ownWorld({ product: notesProduct, tables: notesTable })
  const node = await own.open()
  const auth = { token: await own.issuer.tokenFor('ann') }
  let finish: () => void = () => undefined
  let entered = 0
  const finished = new Promise<void>(resolve => (finish = resolve))
  hooks.duringAdd = () => ((entered += 1), finished)

  const socket = io(node.url, { auth, transports: ['websocket'], forceNew: true, reconnection: false })
  const underWay = socket.emitWithAck('notes.addNote', { input: { body: 'slow' } }) as Promise<unknown>
  await until(() => entered === 1)
  const ending = Promise.resolve(node[Symbol.asyncDispose]())
  finish()
  expect(await underWay).toMatchObject({ data: { body: 'slow' } })
  await ending
  hooks.duringAdd = async () => undefined
  socket.disconnect()
})
