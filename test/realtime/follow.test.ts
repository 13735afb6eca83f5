import { newId } from '../../kernel/ids'
import { type Problem } from '../../kernel/refusals'
import { channelsPerSocketMax } from '../../realtime/channels'
import { likeTrack } from '../../skills/interactions/like-track'
import { unlikeTrack } from '../../skills/interactions/unlike-track'
import { makeTrack } from '../factories'
import { type Person } from '../people'
import { freshWorld, type TestWorld } from '../world'

let world: TestWorld
let ann: Person
let bob: Person
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann', { node: 0 })
  bob = await world.person('bob', { node: 1 })
})
afterAll(() => world[Symbol.asyncDispose]())

const ask = async (person: Person, name: 'channel.follow' | 'channel.unfollow', input: unknown) =>
  (await (await person.socket()).timeout(5_000).emitWithAck(name, { input })) as { data?: unknown; error?: Problem }
const follow = (person: Person, channel: unknown) => ask(person, 'channel.follow', { channel })

describe('following', () => {
  it('one’s own channel and a track one may see is granted, as often as asked', async () => {
    const track = await makeTrack(bob.id)
    for (const channel of [`user:${ann.id}`, `track:${track.id}`, `track:${track.id}`])
      expect(await follow(ann, channel)).toEqual({ data: { channel } })
  })

  it('the channel of somebody else is forbidden', async () => {
    expect(await follow(ann, `user:${bob.id}`)).toMatchObject({ error: { status: 403, code: 'forbidden' } })
  })

  it('what is not there, or not to be known of, is not found', async () => {
    const hidden = await makeTrack(bob.id, { visibility: 'private' })
    const id = newId(new Date())
    for (const channel of [`track:${id}`, `track:${hidden.id}`, `spaceship:${id}`, `constructor:${id}`]) {
      const { error } = await follow(ann, channel)
      expect(error).toMatchObject({ status: 404, code: 'not_found' })
    }
    expect(await follow(bob, `track:${hidden.id}`)).toHaveProperty('data')
  })

  it.each([
    '',
    'user',
    'user:',
    ':x',
    'user:x',
    `user:${'-'.repeat(36)} `,
    'track:00000000-0000-0000-0000-00000000000G',
    'USER:x',
    7,
    null,
    [],
    {},
  ])('the malformed channel %j is invalid', async channel => {
    expect(await follow(ann, channel)).toMatchObject({ error: { status: 400, code: 'invalid_input' } })
  })

  it('an id of the right length that is none is invalid, not a bug', async () => {
    expect(await follow(ann, `track:${'-'.repeat(36)}`)).toMatchObject({
      error: { status: 400, code: 'invalid_input' },
    })
  })

  it('with more or less than a channel is invalid', async () => {
    for (const input of [{}, { channel: `user:${ann.id}`, after: 1 }, [], null])
      expect(await ask(ann, 'channel.follow', input)).toMatchObject({ error: { code: 'invalid_input' } })
  })

  it(`more than ${channelsPerSocketMax} channels on one socket is refused, even when all are asked for at once`, async () => {
    const eve = await world.person('eve', { node: 0 })
    const tracks = []
    for (let index = 0; index < channelsPerSocketMax + 10; index += 1) tracks.push(await makeTrack(bob.id))
    const answers = await Promise.all(tracks.map(({ id }) => follow(eve, `track:${id}`)))
    const refused = answers.flatMap(({ error }) => (error === undefined ? [] : [error]))
    expect(refused).toHaveLength(10)
    for (const error of refused) expect(error).toMatchObject({ status: 409, code: 'too_many_channels' })
    const kept = tracks.filter((_track, index) => answers[index]?.error === undefined)
    expect(await follow(eve, `track:${kept[0]?.id ?? ''}`)).toHaveProperty('data')
    await ask(eve, 'channel.unfollow', { channel: `track:${kept[0]?.id ?? ''}` })
    expect(await follow(eve, `user:${eve.id}`)).toHaveProperty('data')
  })
})

it('unfollowing ends what is heard there, and nothing else', async () => {
  const track = await makeTrack(bob.id)
  const onTrack = await ann.hear(`track:${track.id}`)
  const onOwn = await ann.hear(`user:${ann.id}`)
  await bob.call(likeTrack, { trackId: track.id })
  await onTrack.first('interactions.trackLiked')
  await ask(ann, 'channel.unfollow', { channel: `track:${track.id}` })
  await bob.call(unlikeTrack, { trackId: track.id })
  await ann.call(likeTrack, { trackId: track.id })
  await onOwn.first('interactions.trackLiked', data => data.trackId === track.id)
  expect(onTrack.names()).toEqual(['interactions.trackLiked'])
  expect(await ask(ann, 'channel.unfollow', { channel: `track:${newId(new Date())}` })).toHaveProperty('data')
})
