import { type Socket } from 'socket.io-client'
import { signalRate } from '../../realtime/calls/signal-calls'
import { joinParty } from '../../skills/listening-party/join-party'
import { createParty } from '../../skills/listening-party/create-party'
import { addComment } from '../../skills/interactions/add-comment'
import { kickMember } from '../../skills/listening-party/kick-member'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { type EventRecorder, type Person, type Reply } from '../person'
import { createTestApp, type TestApp } from '../test-app'

interface Signal {
  channel: string
  name: string
  senderId: string
  data: Record<string, unknown>
}

let testApp: TestApp
let ann: Person
let bob: Person
let carl: Person
let dora: Person
let party: string
let track: string
let trackId: string
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', { node: 0 })
  bob = await testApp.signIn('bob', { node: 1 })
  carl = await testApp.signIn('carl', { node: 0 })
  dora = await testApp.signIn('dora', { node: 1 })
  trackId = (await makeTrack(ann.id)).id
  track = `track:${trackId}`
  const { party: opened } = await ann.call(createParty, { title: 'Here', trackIds: [trackId] })
  party = `party:${opened.id}`
  for (const person of [bob, carl]) await person.call(joinParty, { partyId: opened.id })
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** Follows a channel, and records its signals. */
async function listen(person: Person, channel: string): Promise<{ recorder: EventRecorder; received: Signal[] }> {
  const recorder = await person.recordEvents(channel)
  const received: Signal[] = []
  const socket = await person.socket()
  socket.on('signal', (signal: Signal) => signal.channel === channel && received.push(signal))
  return { recorder: recorder, received }
}

async function send(person: Person, input: unknown): Promise<Reply> {
  const socket: Socket = await person.socket()
  return (await socket.timeout(8_000).emitWithAck('channel.signal', { input })) as Reply
}

const reaction = (emoji: string) => ({ channel: party, name: 'listening-party.emojiReaction', data: { emoji } })

/** Start each test with a full token bucket. */
beforeEach(() => testApp.clock.advance(3_000))

it('reaches other followers on all nodes once, with its sender, and not the sender', async () => {
  const [annas, bobs, carls] = [await listen(ann, party), await listen(bob, party), await listen(carl, party)]
  expect(await send(ann, reaction('🔥'))).toEqual({ data: {} })
  await waitUntil(() => bobs.received.length > 0 && carls.received.length > 0)
  const expected = [{ channel: party, name: 'listening-party.emojiReaction', senderId: ann.id, data: { emoji: '🔥' } }]
  expect([bobs.received, carls.received, annas.received]).toEqual([expected, expected, []])
  await send(bob, reaction('👍🏽'))
  await waitUntil(() => annas.received.length > 0)
  expect(annas.received[0]).toMatchObject({ senderId: bob.id })
})

it('does not reach people who do not follow or have unfollowed', async () => {
  const [annas, bobs] = [await listen(ann, track), await listen(bob, track)]
  const carls = await listen(carl, party)
  await send(ann, { channel: track, name: 'interactions.typing', data: {} })
  await waitUntil(() => bobs.received.length === 1)
  const socket = await bob.socket()
  await socket.emitWithAck('channel.unfollow', { input: { channel: track } })
  await send(ann, { channel: track, name: 'interactions.typing' })
  await ann.call(addComment, { trackId, body: 'after it', positionMs: 0 })
  await annas.recorder.waitFor('interactions.commentAdded')
  expect([bobs.received.length, carls.received.length, annas.received.length]).toEqual([1, 0, 0])
})

it('is allowed for followers only, whether or not the channel exists', async () => {
  expect((await send(dora, reaction('🔥'))).error).toMatchObject({ code: 'forbidden', status: 403 })
  const unknownParty = 'party:00000000-0000-4000-8000-000000000000'
  expect((await send(dora, { ...reaction('🔥'), channel: unknownParty })).error).toMatchObject({ code: 'forbidden' })
})

it('ends for a kicked member', async () => {
  const { party: opened } = await ann.call(createParty, { title: 'Short', trackIds: [trackId] })
  const short = `party:${opened.id}`
  await bob.call(joinParty, { partyId: opened.id })
  await listen(bob, short)
  const closed = new Promise(resolve => void bob.socket().then(socket => socket.once('channel.closed', resolve)))
  await ann.call(kickMember, { partyId: opened.id, profileId: bob.id })
  await closed
  expect((await send(bob, { ...reaction('🔥'), channel: short })).error).toMatchObject({ code: 'forbidden' })
})

describe('invalid signals are rejected', () => {
  beforeEach(() => listen(ann, party))
  const name = 'listening-party.emojiReaction'
  it.each([
    ['nothing', () => ({}), 'channel'],
    ['text instead of an object', () => 'party', ''],
    ['a malformed channel', () => ({ channel: 'x', name, data: { emoji: '🔥' } }), 'channel'],
    ['an undeclared signal', () => ({ channel: party, name: 'nobody.knows', data: {} }), 'name'],
    ['a signal of another kind of channel', () => ({ channel: party, name: 'interactions.typing', data: {} }), 'name'],
    ['no data', () => ({ channel: party, name }), 'data.emoji'],
    ['other data', () => ({ channel: party, name, data: { emoji: '🔥', more: 1 } }), 'data.more'],
    ['text instead of an emoji', () => ({ channel: party, name, data: { emoji: 'fire' } }), 'data.emoji'],
    ['a number instead of an emoji', () => ({ channel: party, name, data: { emoji: 7 } }), 'data.emoji'],
    ['a digit', () => ({ channel: party, name, data: { emoji: '7' } }), 'data.emoji'],
    ['too many emoji', () => ({ channel: party, name, data: { emoji: '🔥'.repeat(100) } }), 'data.emoji'],
    ['data that is a list', () => ({ channel: party, name, data: [] }), 'data'],
    ['binary data', () => ({ channel: party, name, data: Buffer.from('x') }), 'data'],
    ['an additional field', () => ({ channel: party, name, data: { emoji: '🔥' }, to: 'all' }), 'to'],
  ])('%s', async (_what, input, path) => {
    const { error } = await send(ann, input())
    expect(error).toMatchObject({ code: 'invalid_input', status: 400 })
    expect(error?.errors?.map(fault => fault.path)).toContain(path)
  })
})

it.each(['🔥', '👍🏽', '❤️', '👩‍👩‍👧‍👦', '🇫🇷', '🏳️‍🌈', '1', 'a', '🔥a', ' 🔥', ''])(
  '%j is validated as an emoji',
  async emoji => {
    await listen(ann, party)
    const { error } = await send(ann, reaction(emoji))
    expect(error === undefined).toBe(
      /\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(emoji) && !/[\sa]/.test(emoji),
    )
  },
)

it('is rate limited per socket, in bursts and over time, without affecting others', async () => {
  const { received } = await listen(bob, party)
  await listen(ann, party)
  const burst = async () => Promise.all(Array.from({ length: signalRate.burst + 5 }, () => send(ann, reaction('🔥'))))
  let replies = await burst()
  const isGranted = ({ error }: Reply) => error === undefined
  const granted = replies.filter(isGranted).length
  expect(granted).toBeGreaterThanOrEqual(signalRate.burst)
  await waitUntil(() => received.length === granted)
  // The bucket is refilled while a slow machine sends.
  await waitUntil(async () => !replies.every(isGranted) || !(replies = await burst()).every(isGranted))
  expect(replies.find(reply => !isGranted(reply))?.error).toMatchObject({
    code: 'too_many_requests',
    status: 429,
    retryAfter: 1,
  })
  expect(await send(bob, reaction('👍🏽'))).toEqual({ data: {} })
  testApp.clock.advance(1_000)
  expect(await send(ann, reaction('👍🏽'))).toEqual({ data: {} })
})
