import { Block, Play, Track, TrackGuest, Waveform } from '../../../models'
import { addComment } from '../../../skills/interactions/add-comment'
import { likeTrack } from '../../../skills/interactions/like-track'
import { updateTrack } from '../../../skills/music-upload/update-track'
import { openPlay } from '../../../skills/plays/open-play'
import { getSecretLink } from '../../../skills/streaming/get-secret-link'
import { getTrack } from '../../../skills/streaming/get-track'
import { getWaveform } from '../../../skills/streaming/get-waveform'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { openSecretLink } from '../../../skills/streaming/open-secret-link'
import { resetSecretLink } from '../../../skills/streaming/reset-secret-link'
import { secretGuessesPerMinute } from '../../../skills/streaming/rules'
import { makeGuest, makeTrack } from '../../factories'
import { askOverRest, doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
let ann: Person
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann')
})
afterAll(() => world[Symbol.asyncDispose]())

const unlisted = () => makeTrack(ann.id, { visibility: 'unlisted', publishedAt: null })
const anybody = (op: Parameters<typeof askOverRest>[1], input: object, headers = {}) =>
  askOverRest(world.nodes[0]?.url ?? '', op, input, headers)

describe.each(doors)('a secret link over %s', door => {
  it('is long, its own for each track, and for its artist alone', async () => {
    const [one, other] = [await unlisted(), await unlisted()]
    const { secret } = await ann.call(getSecretLink, { trackId: one.id }, { door })
    expect(secret).toMatch(/^[\w-]{43}$/)
    expect(await ann.call(getSecretLink, { trackId: other.id }, { door })).not.toMatchObject({ secret })
    const [bob, guest] = [await world.person('bob'), await world.person(`guest-${door}`)]
    const moderator = await world.person('mod', { roles: ['moderator'] })
    await makeGuest(one.id, guest.id)
    for (const op of [getSecretLink, resetSecretLink]) {
      expect(await bob.refused(op, { trackId: one.id }, { door })).toMatchObject({ code: 'not_found' })
      for (const person of [guest, moderator])
        expect(await person.refused(op, { trackId: one.id }, { door })).toMatchObject({ code: 'forbidden' })
    }
    for (const visibility of ['public', 'followers', 'private'] as const) {
      const { id: trackId } = await makeTrack(ann.id, { visibility })
      for (const op of [getSecretLink, resetSecretLink])
        expect(await ann.refused(op, { trackId }, { door })).toMatchObject({ code: 'not_unlisted', status: 409 })
    }
  })

  it('lets whoever opens it see the track everywhere, until it is reset', async () => {
    const { id: trackId } = await unlisted()
    const bob = await world.person(`opener-${door}`)
    const { secret } = await ann.call(getSecretLink, { trackId }, { door })
    expect(await bob.refused(getTrack, { trackId }, { door })).toMatchObject({ code: 'not_found' })
    const opened = await bob.call(openSecretLink, { trackId, secret }, { door })
    expect(opened).toMatchObject({ id: trackId, visibility: 'unlisted', viewer: { canEdit: false } })
    expect(await bob.call(openSecretLink, { trackId, secret }, { door })).toEqual(opened)
    await bob.call(getTrack, { trackId }, { door })
    await bob.call(likeTrack, { trackId }, { door })
    await bob.call(addComment, { trackId, body: 'here', positionMs: 1 }, { door })
    const ear = await bob.hear(`track:${trackId}`)
    const mine = await ann.hear(`user:${ann.id}`)
    const socket = await bob.socket()
    const closed = new Promise(resolve => socket.once('channel.closed', resolve))

    const again = await ann.call(resetSecretLink, { trackId }, { door })
    expect(again.secret).toMatch(/^[\w-]{43}$/)
    expect(again.secret).not.toBe(secret)
    await mine.first('streaming.secretLinkReset', data => data.trackId === trackId)
    expect(await closed).toMatchObject({ channel: `track:${trackId}`, problem: { code: 'not_found' } })
    expect(ear.names().at(-1)).toBe('streaming.secretLinkReset')
    for (const op of [getTrack, grantStream, likeTrack])
      expect(await bob.refused(op, { trackId }, { door })).toMatchObject({ code: 'not_found' })
    expect(await bob.refused(openSecretLink, { trackId, secret }, { door })).toMatchObject({ code: 'not_found' })
    await bob.call(openSecretLink, { trackId, secret: again.secret }, { door })
    await bob.call(getTrack, { trackId }, { door })
  })

  it('opens nothing for whom the artist blocks, nor while the track is private, and is good again afterwards', async () => {
    const { id: trackId } = await unlisted()
    const { secret } = await ann.call(getSecretLink, { trackId }, { door })
    const [bob, foe] = [await world.person(`b-${door}`), await world.person(`foe-${door}`)]
    await Block.create({ blockerId: ann.id, blockedId: foe.id, createdAt: new Date() })
    expect(await foe.refused(openSecretLink, { trackId, secret }, { door })).toMatchObject({ code: 'not_found' })
    await bob.call(openSecretLink, { trackId, secret }, { door })
    await ann.call(updateTrack, { trackId, visibility: 'private' }, { door })
    for (const op of [getTrack, openSecretLink])
      expect(await bob.refused(op, { trackId, secret }, { door })).toMatchObject({ code: 'not_found' })
    await ann.call(updateTrack, { trackId, visibility: 'unlisted' }, { door })
    await bob.call(getTrack, { trackId }, { door })
    expect(await TrackGuest.count({ where: { trackId } })).toBe(1)
  })
})

describe('whoever is not signed in', () => {
  it('sees, hears and counts by showing the secret, in a header or a body but never in a URL', async () => {
    const { id: trackId } = await unlisted()
    await Waveform.create({ trackId, peaks: Buffer.from([1, 2]) })
    const { secret } = await ann.call(getSecretLink, { trackId })
    for (const op of [getTrack, getWaveform, grantStream, openPlay]) {
      expect((await anybody(op, { trackId })).error).toMatchObject({ code: 'not_found' })
      expect((await anybody(op, { trackId, secret: 'x'.repeat(43) })).error).toMatchObject({ code: 'not_found' })
      expect((await anybody(op, { trackId, secret })).error).toBeUndefined()
      expect((await anybody(op, { trackId }, { 'x-track-secret': secret })).error).toBeUndefined()
    }
    expect(await Play.count({ where: { trackId } })).toBe(2)
    expect((await anybody(openSecretLink, { trackId, secret })).data).toMatchObject({ id: trackId })
    expect(await TrackGuest.count({ where: { trackId } })).toBe(0)

    const url = `${world.nodes[0]?.url ?? ''}/api/v1/tracks/${trackId}?secret=${secret}`
    const response = await fetch(url)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ errors: [{ path: 'secret', code: 'not_in_a_url' }] })
  })

  it('shows it in vain once it was reset', async () => {
    const { id: trackId } = await unlisted()
    const { secret } = await ann.call(getSecretLink, { trackId })
    await ann.call(resetSecretLink, { trackId })
    for (const op of [getTrack, grantStream, openSecretLink])
      expect((await anybody(op, { trackId, secret })).error).toMatchObject({ code: 'not_found' })
  })
})

it('whoever may see the track anyway need not have the right secret', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  const { data } = await anybody(getTrack, { trackId, secret: 'x'.repeat(43) })
  expect(data).toMatchObject({ id: trackId })
})

it('whoever guesses is told to wait, of a track that is there and of one that is not', async () => {
  const { id: trackId } = await unlisted()
  const { secret } = await ann.call(getSecretLink, { trackId })
  for (const [name, at] of [
    ['there', trackId],
    ['nowhere', ann.id],
  ] as const) {
    const eve = await world.person(`guessing-${name}`)
    const guess = () => eve.refused(getTrack, { trackId: at, secret: 'y'.repeat(43) })
    const codes = await Promise.all(
      Array.from({ length: secretGuessesPerMinute + 5 }, async () => (await guess()).code),
    )
    expect(codes.filter(code => code === 'not_found')).toHaveLength(secretGuessesPerMinute)
    expect(codes.filter(code => code === 'too_many_requests')).toHaveLength(5)
    expect(await eve.refused(openSecretLink, { trackId: at, secret: 'y'.repeat(43) })).toMatchObject({ status: 429 })
  }
  const honest = await world.person('honest')
  await honest.call(openSecretLink, { trackId, secret })
})

it('a link that is opened while it is reset lets nobody in for longer than that', async () => {
  for (let round = 0; round < 8; round += 1) {
    const { id: trackId } = await unlisted()
    const { secret } = await ann.call(getSecretLink, { trackId })
    const people = await Promise.all([1, 2, 3, 4].map(n => world.person(`race${n}`)))
    await Promise.all([
      ...people.slice(0, 2).map(person => person.ask(openSecretLink, { trackId, secret })),
      ann.call(resetSecretLink, { trackId }, { door: 'socket' }),
      ...people.slice(2).map(person => person.ask(openSecretLink, { trackId, secret })),
    ])
    expect(await TrackGuest.count({ where: { trackId } })).toBe(0)
    for (const person of people)
      expect(await person.refused(getTrack, { trackId })).toMatchObject({ code: 'not_found' })
    world.clock.advance(60_000)
  }
})

it('a reset of many at once leaves one secret, which opens', async () => {
  const dora = await world.person('dora')
  const { id: trackId } = await makeTrack(dora.id, { visibility: 'unlisted' })
  await Promise.all(doors.flatMap(door => [1, 2, 3].map(() => dora.call(resetSecretLink, { trackId }, { door }))))
  const { secret } = await dora.call(getSecretLink, { trackId })
  expect((await anybody(openSecretLink, { trackId, secret })).error).toBeUndefined()
  expect(await Track.count({ where: { id: trackId } })).toBe(1)
})
