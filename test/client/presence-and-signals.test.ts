import { type ChannelPresence, type Signal } from '../../client'
import { Roster } from '../../client/channels/roster'
import { makeTrack } from '../factories'
import { type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { openClient, problemOf, type TestClient, waitUntil } from './open-client'
import { startTcpProxy } from './tcp-proxy'

let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', { node: 0 })
  bob = await testApp.signIn('bob', { node: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const open = ({ url, token }: Pick<Person, 'url' | 'token'>): TestClient => openClient({ url, token })

async function openParty(host: TestClient, guest: TestClient) {
  const trackId = (await makeTrack(ann.id)).id
  const { party } = await host.call('listening-party.createParty', { title: 'Tonight', trackId })
  await guest.call('listening-party.joinParty', { partyId: party.id })
  return `party:${party.id}` as const
}

describe('followers of a channel', () => {
  it('see who is present, who joins and who leaves', async () => {
    await using wire = await startTcpProxy(ann.url)
    using annClient = open({ url: wire.url, token: ann.token })
    using bobClient = open(bob)
    const channel = await openParty(annClient, bobClient)
    const seen: ChannelPresence[] = []
    const members = () => [...(seen.at(-1)?.members ?? [])].sort()
    await annClient.follow(channel, { onPresence: presence => seen.push(presence) })
    await waitUntil('ann is present', () => members().join() === ann.id)
    const following = await bobClient.follow(channel, () => undefined)
    await waitUntil('both are present', () => members().length === 2)
    expect(members()).toEqual([ann.id, bob.id].sort())
    const later: ChannelPresence[] = []
    await annClient.follow(channel, { onPresence: presence => later.push(presence) })
    expect(later).toMatchObject([{ count: 2 }])

    wire.refuseConnections(true)
    wire.cut()
    await following.unfollow()
    wire.refuseConnections(false)
    await waitUntil('bob has left', () => members().join() === ann.id)
  })

  it('exchange signals that the channel declares by name and shape', async () => {
    using annClient = open(ann)
    using bobClient = open(bob)
    const channel = await openParty(annClient, bobClient)
    const signals: Signal<typeof channel>[] = []
    await annClient.follow(channel, { onSignal: signal => signals.push(signal) })
    await bobClient.follow(channel, () => undefined)
    await bobClient.signal(channel, 'listening-party.emojiReaction', { emoji: '🎉' })
    await waitUntil('the event is received', () => signals.length === 1)
    expect(signals).toEqual([{ name: 'listening-party.emojiReaction', senderId: bob.id, data: { emoji: '🎉' } }])

    // @ts-expect-error -- no such signal on this kind of channel
    const unknown = bobClient.signal(channel, 'interactions.typing')
    expect(await problemOf(unknown)).toMatchObject({ code: 'invalid_input' })
    const track = `track:${(await makeTrack(ann.id)).id}` as const
    expect(await problemOf(bobClient.signal(track, 'interactions.typing'))).toMatchObject({ code: 'forbidden' })
    using sseClient = openClient({ url: bob.url, token: bob.token, transports: ['sse'] })
    expect(await problemOf(sseClient.signal(track, 'interactions.typing'))).toMatchObject({ code: 'unreachable' })
  })
})

describe('presence', () => {
  const change = (rev: number, previousRev: number, joined: string[], left: string[], count: number) => ({
    ...{ channel: '', rev, previousRev, joined, left, count },
  })

  it('is merged from snapshots and changes, in any order and with repeats', () => {
    const roster = new Roster()
    expect(roster.receive(change(3, 2, ['c'], [], 3))).toBe(false)
    expect(roster.current).toBeUndefined()
    expect(roster.reset({ rev: 2, count: 2, members: ['a', 'b'] })).toBe(true)
    expect(roster.current).toEqual({ count: 3, members: ['a', 'b', 'c'] })
    expect(roster.receive(change(3, 1, ['c'], [], 3))).toBe(false)
    expect(roster.receive(change(6, 5, [], ['b'], 3))).toBe(true)
    expect(roster.current).toEqual({ count: 3, members: ['a', 'b', 'c'] })
    expect(roster.receive(change(5, 3, ['d'], [], 4))).toBe(false)
    expect(roster.current).toEqual({ count: 3, members: ['a', 'c', 'd'] })
    expect(roster.receive(change(4, 3, ['x'], [], 1))).toBe(false)
    expect(roster.current).toEqual({ count: 3, members: ['a', 'c', 'd'] })
  })

  it('is only a count above the limit, and lists members again below it', () => {
    const roster = new Roster()
    roster.reset({ rev: 1, count: 2, members: ['a', 'b'] })
    roster.receive(change(2, 1, [], [], 201))
    expect(roster.current).toEqual({ count: 201, members: null })
    roster.receive(change(3, 2, ['a', 'c'], [], 2))
    expect(roster.current).toEqual({ count: 2, members: ['a', 'c'] })
    expect(roster.reset(undefined)).toBe(false)
    expect(roster.receive('nonsense')).toBe(false)
  })
})
