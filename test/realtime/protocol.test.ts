import { protocolCalls, protocolMessages } from '../../kernel/events/protocol'
import { type Field, parse } from '../../kernel/pipeline/schema'
import { addComment } from '../../skills/interactions/add-comment'
import { likeTrack } from '../../skills/interactions/like-track'
import { createParty } from '../../skills/listening-party/create-party'
import { joinParty } from '../../skills/listening-party/join-party'
import { leaveParty } from '../../skills/listening-party/leave-party'
import { getTrack } from '../../skills/tracks/get-track'
import { revokeSessions } from '../../skills/user-profile/revoke-sessions'
import { snapshotPosition } from '../../kernel/events/protocol'
import { emitNumbers, numberRange } from '../emit-numbers'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { type Person, type Reply } from '../person'
import { createTestApp, type TestApp } from '../test-app'

/** The protocol matches its documents: each reply and message is checked against its declared schema. */
let testApp: TestApp
let ann: Person
let bob: Person
const messages: { name: string; data: unknown }[] = []
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', { node: 0 })
  bob = await testApp.signIn('bob', { node: 1 })
  const socket = await bob.socket()
  socket.onAny((name: string, data: unknown) => messages.push({ name, data }))
})
afterAll(() => testApp[Symbol.asyncDispose]())

const shapeOf = (list: readonly { name: string; payload?: Field<unknown>; data?: Field<unknown> }[], name: string) => {
  const found = list.find(candidate => candidate.name === name)
  const shape = found?.payload ?? found?.data
  if (shape === undefined) throw new Error(`${name} is not documented`)
  return shape
}

async function call(person: Person, name: string, input: unknown): Promise<unknown> {
  const { data, error } = (await (await person.socket()).timeout(8_000).emitWithAck(name, { input })) as Reply
  if (error !== undefined) throw new Error(JSON.stringify(error))
  expect(data).toEqual(parse(shapeOf(protocolCalls, name), data))
  return data
}

const waitForMessage = (name: string) => waitUntil(() => messages.some(message => message.name === name))

it('replies match their documented schemas', async () => {
  const channel = `track:${(await makeTrack(ann.id)).id}`
  await emitNumbers(testApp.app, channel, numberRange(0, 5))
  const { position } = (await bob.request(getTrack, { trackId: channel.replace('track:', '') })) as {
    position?: unknown
  }
  expect(position).toEqual(parse(snapshotPosition, position))
  const { epoch } = (await call(bob, 'channel.follow', { channel })) as { epoch: string }
  expect(await call(bob, 'channel.follow', { channel, after: { epoch, offset: 2 } })).toMatchObject({ recovered: true })
  await call(bob, 'channel.signal', { channel, name: 'interactions.typing' })
  await call(bob, 'channel.unfollow', { channel })
  await call(bob, 'session.refresh', { token: await testApp.issuer.issueToken('bob') })
})

it('a follow after a position is answered with the events since, as documented', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  const channel = `track:${trackId}`
  const received = await bob.recordEvents(channel)
  await ann.call(addComment, { trackId, body: 'That bass!', positionMs: 42_000 })
  await received.waitFor('interactions.commentAdded')
  const { epoch } = (await call(bob, 'channel.follow', { channel })) as { epoch: string }
  const after = { epoch, offset: 0 }
  const answer = { recovered: true, events: [{ offset: 1, name: 'interactions.commentAdded' }] }
  expect(await call(bob, 'channel.follow', { channel, after })).toMatchObject(answer)
  expect(await call(bob, 'channel.followAll', { channels: [{ channel, after }] })).toMatchObject({
    followed: [{ data: answer }],
  })
})

it('messages match their documented schemas', async () => {
  const track = await makeTrack(ann.id)
  const [channel, { party }] = [
    `track:${track.id}`,
    await ann.call(createParty, { title: 'Here', trackIds: [track.id] }),
  ]
  await bob.call(joinParty, { partyId: party.id })
  for (const followed of [channel, `party:${party.id}`])
    for (const person of [bob, ann]) await call(person, 'channel.follow', { channel: followed })
  await emitNumbers(testApp.app, channel, [1])
  await ann.call(likeTrack, { trackId: track.id })
  await call(ann, 'channel.signal', { channel, name: 'interactions.typing' })
  await Promise.all(['events', 'state', 'presence', 'signal'].map(waitForMessage))
  const socket = await bob.socket()
  socket.emit('no.such.call')
  await waitForMessage('call.refused')
  await bob.call(leaveParty, { partyId: party.id })
  await waitForMessage('channel.closed')
  await bob.call(revokeSessions, { scope: 'all' })
  await waitForMessage('connection.closed')
  for (const { name, data } of messages)
    expect([name, data]).toEqual([name, parse(shapeOf(protocolMessages, name), data)])
})
