import { Track } from '../../models'
import { makeTrack } from '../factories'
import { type Person } from '../people'
import { freshWorld, type TestWorld } from '../world'
import { listener, openClient, problemOf, type TestClient, until } from './clients'
import { openWire } from './wire'

let world: TestWorld
let ann: Person
let fan: TestClient
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann', { node: 0 })
  const bob = await world.person('bob', { node: 1 })
  fan = openClient({ url: bob.url, token: bob.token, transport: 'rest' })
})
afterAll(async () => {
  fan.close()
  await world[Symbol.asyncDispose]()
})

describe('following a channel', () => {
  it('tells every listener what happens on another node, typed, until it stops', async () => {
    using client = openClient({ url: ann.url, token: ann.token })
    const { id: trackId } = await makeTrack(ann.id)
    const [first, second] = [listener(), listener()]
    const following = await client.follow(`track:${trackId}`, first.hear)
    await client.follow(`track:${trackId}`, second.hear)
    await fan.call('interactions.likeTrack', { trackId })
    await until('both have heard it', () => first.events.length === 1 && second.events.length === 1)
    const [event] = first.events
    expect(event?.name === 'interactions.trackLiked' && event.data.counts.likes).toBe(1)

    await following.stop()
    await fan.call('interactions.unlikeTrack', { trackId })
    await until('the one that stayed has heard it', () => second.events.length === 2)
    expect(first.names()).toEqual(['interactions.trackLiked'])
  })

  it('ends on the server with the last listener, and can begin again', async () => {
    using client = openClient({ url: ann.url, token: ann.token, transport: 'rest' })
    const { id: trackId } = await makeTrack(ann.id)
    const [left, stayed] = [listener(), listener()]
    const following = await client.follow(`track:${trackId}`, left.hear)
    await following.stop()
    await following.stop()
    await client.follow(`track:${trackId}`, stayed.hear)
    await fan.call('interactions.likeTrack', { trackId })
    await until('it is heard', () => stayed.events.length === 1)
    expect(left.events).toEqual([])
  })

  it('takes nothing from a listener when another one throws', async () => {
    using client = openClient({ url: ann.url, token: ann.token })
    const { id: trackId } = await makeTrack(ann.id)
    const heard = listener()
    await client.follow(`track:${trackId}`, () => {
      throw new Error('a bug of the listener')
    })
    await client.follow(`track:${trackId}`, heard.hear)
    await fan.call('interactions.likeTrack', { trackId })
    await until('it is heard', () => heard.events.length === 1)
    expect(client.problems).toEqual([{ code: 'listener_failed', channel: `track:${trackId}` }])
  })

  it('is refused where one may not listen, and is not begun again', async () => {
    using client = openClient({ url: ann.url, token: ann.token })
    const channel = `track:${ann.id}`
    expect(await problemOf(client.follow(channel, () => undefined))).toMatchObject({ code: 'not_found', status: 404 })
    expect(await problemOf(client.follow(channel, () => undefined))).toMatchObject({ code: 'not_found' })
  })
})

describe('a lost connection', () => {
  it('is made again, its channels are followed again, and the listener knows of the gap', async () => {
    await using wire = await openWire(ann.url)
    let asked = 0
    const token = async () => {
      asked += 1
      return ann.token
    }
    using client = openClient({ url: wire.url, token })
    const { id: trackId } = await makeTrack(ann.id)
    const heard = listener()
    let gaps = 0
    await client.follow(`track:${trackId}`, heard.hear, { onGap: () => (gaps += 1) })
    expect({ asked, gaps }).toEqual({ asked: 1, gaps: 0 })

    wire.cut()
    await until('it is followed again', () => gaps === 1)
    await fan.call('interactions.likeTrack', { trackId })
    await until('it is heard', () => heard.events.length === 1)
    expect(asked).toBe(2)
  })

  it('tells which channel may be followed no longer', async () => {
    await using wire = await openWire(ann.url)
    const carl = await world.person('carl')
    using client = openClient({ url: wire.url, token: carl.token })
    const { id } = await makeTrack(ann.id)
    await client.follow(`track:${id}`, () => undefined)
    await Track.update({ visibility: 'private' }, { where: { id } })
    wire.cut()
    await until('it is told', () => client.problems.some(({ channel }) => channel !== undefined))
    expect(client.problems).toContainEqual({ code: 'not_found', channel: `track:${id}` })
  })

  it('is not made again once closed', async () => {
    await using wire = await openWire(ann.url)
    const client = openClient({ url: wire.url, token: ann.token })
    const following = await client.follow(`user:${ann.id}`, () => undefined)
    wire.refuse(true)
    wire.cut()
    client.close()
    await following.stop()
    expect(client.problems).toEqual([])
  })
})

describe('the token', () => {
  it('is refused for good when no other can come', async () => {
    using client = openClient({ url: ann.url, token: 'nonsense' })
    const problem = await problemOf(client.follow(`user:${ann.id}`, () => undefined))
    expect(problem).toMatchObject({ code: 'token_invalid', status: 401 })
    expect(client.problems).toEqual([{ code: 'token_invalid', channel: undefined }])
    expect(await problemOf(client.follow(`user:${ann.id}`, () => undefined))).toMatchObject({ code: 'token_invalid' })
  })

  it('is asked for anew until there is a good one', async () => {
    const answers: (() => Promise<string>)[] = [
      () => Promise.reject(new Error('not yet')),
      () => Promise.resolve('nonsense'),
    ]
    const token = () => answers.shift()?.() ?? ann.token
    using client = openClient({ url: ann.url, token })
    await client.follow(`user:${ann.id}`, () => undefined)
    expect(client.problems.map(({ code }) => code)).toEqual(['token_unavailable', 'token_invalid'])
  })

  it('is asked for anew when the server closes the session of an old one', async () => {
    const dora = await world.person('dora')
    const short = await world.issuer.tokenFor('dora', { ttlSeconds: 60 })
    // Within the grace that a late refresh has: the session is closed in a second.
    world.clock.advance(63_500)
    const answers = [short]
    const token = () => answers.shift() ?? world.issuer.tokenFor('dora')
    using client = openClient({ url: dora.url, token })
    let gaps = 0
    await client.follow(`user:${dora.id}`, () => undefined, { onGap: () => (gaps += 1) })
    await until('it is followed again', () => gaps === 1)
    expect(client.problems.map(({ code }) => code)).toEqual(['token_expired'])
  })
})
