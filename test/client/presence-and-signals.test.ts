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

describe('those who follow a channel', () => {
  it('see who comes and goes, and who is there when they come', async () => {
    await using wire = await startTcpProxy(ann.url)
    using hers = open({ url: wire.url, token: ann.token })
    using his = open(bob)
    const channel = await openParty(hers, his)
    const seen: ChannelPresence[] = []
    const those = () => [...(seen.at(-1)?.members ?? [])].sort()
    await hers.follow(channel, { onPresence: presence => seen.push(presence) })
    await waitUntil('she is there herself', () => those().join() === ann.id)
    const following = await his.follow(channel, () => undefined)
    await waitUntil('both are there', () => those().length === 2)
    expect(those()).toEqual([ann.id, bob.id].sort())
    const later: ChannelPresence[] = []
    await hers.follow(channel, { onPresence: presence => later.push(presence) })
    expect(later).toMatchObject([{ count: 2 }])

    wire.refuseConnections(true)
    wire.cut()
    await following.unfollow()
    wire.refuseConnections(false)
    await waitUntil('he has left', () => those().join() === ann.id)
  })

  it('tell each other what may be lost, by a name and of a shape that the channel knows', async () => {
    using hers = open(ann)
    using his = open(bob)
    const channel = await openParty(hers, his)
    const signals: Signal<typeof channel>[] = []
    await hers.follow(channel, { onSignal: signal => signals.push(signal) })
    await his.follow(channel, () => undefined)
    await his.signal(channel, 'listening-party.emojiReaction', { emoji: '🎉' })
    await waitUntil('it is heard', () => signals.length === 1)
    expect(signals).toEqual([{ name: 'listening-party.emojiReaction', by: bob.id, data: { emoji: '🎉' } }])

    // @ts-expect-error -- no such signal on this kind of channel
    const unknown = his.signal(channel, 'interactions.typing')
    expect(await problemOf(unknown)).toMatchObject({ code: 'invalid_input' })
    const track = `track:${(await makeTrack(ann.id)).id}` as const
    expect(await problemOf(his.signal(track, 'interactions.typing'))).toMatchObject({ code: 'forbidden' })
    using quiet = openClient({ url: bob.url, token: bob.token, transports: ['sse'] })
    expect(await problemOf(quiet.signal(track, 'interactions.typing'))).toMatchObject({ code: 'unreachable' })
  })
})

describe('presence', () => {
  const change = (rev: number, after: number, joined: string[], left: string[], count: number) => ({
    ...{ channel: '', rev, after, joined, left, count },
  })

  it('is put together from the whole and what changes after it, in whatever order and however often', () => {
    const roll = new Roster()
    expect(roll.receive(change(3, 2, ['c'], [], 3))).toBe(false)
    expect(roll.current).toBeUndefined()
    expect(roll.reset({ rev: 2, count: 2, members: ['a', 'b'] })).toBe(true)
    expect(roll.current).toEqual({ count: 3, members: ['a', 'b', 'c'] })
    expect(roll.receive(change(3, 1, ['c'], [], 3))).toBe(false)
    expect(roll.receive(change(6, 5, [], ['b'], 3))).toBe(true)
    expect(roll.current).toEqual({ count: 3, members: ['a', 'b', 'c'] })
    expect(roll.receive(change(5, 3, ['d'], [], 4))).toBe(false)
    expect(roll.current).toEqual({ count: 3, members: ['a', 'c', 'd'] })
    expect(roll.receive(change(4, 3, ['x'], [], 1))).toBe(false)
    expect(roll.current).toEqual({ count: 3, members: ['a', 'c', 'd'] })
  })

  it('is a number alone while there are too many, and names all when there are fewer', () => {
    const roll = new Roster()
    roll.reset({ rev: 1, count: 2, members: ['a', 'b'] })
    roll.receive(change(2, 1, [], [], 201))
    expect(roll.current).toEqual({ count: 201, members: null })
    roll.receive(change(3, 2, ['a', 'c'], [], 2))
    expect(roll.current).toEqual({ count: 2, members: ['a', 'c'] })
    expect(roll.reset(undefined)).toBe(false)
    expect(roll.receive('nonsense')).toBe(false)
  })
})
