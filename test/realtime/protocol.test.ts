import { protocolCalls, protocolMessages } from '../../kernel/protocol'
import { type Field, parse } from '../../kernel/schema'
import { likeTrack } from '../../skills/interactions/like-track'
import { openParty } from '../../skills/listening-party/open-party'
import { joinParty } from '../../skills/listening-party/join-party'
import { leaveParty } from '../../skills/listening-party/leave-party'
import { getTrack } from '../../skills/streaming/get-track'
import { endSessions } from '../../skills/user-profile/end-sessions'
import { snapshotPosition } from '../../kernel/protocol'
import { announce, numbers } from '../announce'
import { makeTrack } from '../factories'
import { until } from '../kernel/until'
import { type Person, type Reply } from '../people'
import { freshWorld, type TestWorld } from '../world'

/** What travels is what the documents say: each answer and message is held to its declared shape. */
let world: TestWorld
let ann: Person
let bob: Person
const said: { name: string; sent: unknown }[] = []
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann', { node: 0 })
  bob = await world.person('bob', { node: 1 })
  const socket = await bob.socket()
  socket.onAny((name: string, sent: unknown) => said.push({ name, sent }))
})
afterAll(() => world[Symbol.asyncDispose]())

const shapeOf = (list: readonly { name: string; payload?: Field<unknown>; data?: Field<unknown> }[], name: string) => {
  const found = list.find(candidate => candidate.name === name)
  const shape = found?.payload ?? found?.data
  if (shape === undefined) throw new Error(`${name} is not documented`)
  return shape
}

async function ask(person: Person, name: string, input: unknown): Promise<unknown> {
  const { data, error } = (await (await person.socket()).timeout(8_000).emitWithAck(name, { input })) as Reply
  if (error !== undefined) throw new Error(JSON.stringify(error))
  expect(data).toEqual(parse(shapeOf(protocolCalls, name), data))
  return data
}

const heard = (name: string) => until(() => said.some(message => message.name === name))

it('calls are answered as documented', async () => {
  const channel = `track:${(await makeTrack(ann.id)).id}`
  await announce(world.world, channel, numbers(0, 5))
  const { position } = (await bob.ask(getTrack, { trackId: channel.replace('track:', '') })) as { position?: unknown }
  expect(position).toEqual(parse(snapshotPosition, position))
  const { epoch } = (await ask(bob, 'channel.follow', { channel })) as { epoch: string }
  expect(await ask(bob, 'channel.follow', { channel, after: { epoch, offset: 2 } })).toMatchObject({ recovered: true })
  await ask(bob, 'channel.signal', { channel, name: 'interactions.typing' })
  await ask(bob, 'channel.unfollow', { channel })
  await ask(bob, 'session.refresh', { token: await world.issuer.tokenFor('bob') })
})

it('messages come as documented', async () => {
  const track = await makeTrack(ann.id)
  const [channel, { party }] = [`track:${track.id}`, await ann.call(openParty, { title: 'Here', trackIds: [track.id] })]
  await bob.call(joinParty, { partyId: party.id })
  for (const followed of [channel, `party:${party.id}`])
    for (const person of [bob, ann]) await ask(person, 'channel.follow', { channel: followed })
  await announce(world.world, channel, [1])
  await ann.call(likeTrack, { trackId: track.id })
  await ask(ann, 'channel.signal', { channel, name: 'interactions.typing' })
  await Promise.all(['events', 'state', 'presence', 'signal'].map(heard))
  const socket = await bob.socket()
  socket.emit('no.such.call')
  await heard('refused')
  await bob.call(leaveParty, { partyId: party.id })
  await heard('channel.closed')
  await bob.call(endSessions, { scope: 'everywhere' })
  await heard('session.closed')
  for (const { name, sent } of said) expect([name, sent]).toEqual([name, parse(shapeOf(protocolMessages, name), sent)])
})
