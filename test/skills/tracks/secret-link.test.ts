import { Block, Play, Track, TrackLinkHolder, Waveform } from '../../../models'
import { addComment } from '../../../skills/interactions/add-comment'
import { likeTrack } from '../../../skills/interactions/like-track'
import { updateTrack } from '../../../skills/tracks/update-track'
import { startPlay } from '../../../skills/plays/start-play'
import { getSecretLink } from '../../../skills/tracks/get-secret-link'
import { getTrack } from '../../../skills/tracks/get-track'
import { getWaveform } from '../../../skills/tracks/get-waveform'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { redeemSecretLink } from '../../../skills/tracks/redeem-secret-link'
import { resetSecretLink } from '../../../skills/tracks/reset-secret-link'
import { secretGuessesPerMinute } from '../../../skills/tracks/rules'
import { makeTrackLinkHolder, makeTrack } from '../../factories'
import { requestOverRest, transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let ann: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
})
afterAll(() => testApp[Symbol.asyncDispose]())

const createUnlisted = () => makeTrack(ann.id, { visibility: 'unlisted', publishedAt: null })
const requestAnonymously = (op: Parameters<typeof requestOverRest>[1], input: object, headers = {}) =>
  requestOverRest(testApp.nodes[0]?.url ?? '', op, input, headers)

describe.each(transports)('a secret link over %s', transport => {
  it('is long, different for each track, and readable only by its artist', async () => {
    const [one, other] = [await createUnlisted(), await createUnlisted()]
    const { secret } = await ann.call(getSecretLink, { trackId: one.id }, { transport })
    expect(secret).toMatch(/^[\w-]{43}$/)
    expect(await ann.call(getSecretLink, { trackId: other.id }, { transport })).not.toMatchObject({ secret })
    const [bob, guest] = [await testApp.signIn('bob'), await testApp.signIn(`guest-${transport}`)]
    const moderator = await testApp.signIn('mod', { roles: ['moderator'] })
    await makeTrackLinkHolder(one.id, guest.id)
    for (const op of [getSecretLink, resetSecretLink]) {
      expect(await bob.expectProblem(op, { trackId: one.id }, { transport })).toMatchObject({ code: 'not_found' })
      for (const person of [guest, moderator])
        expect(await person.expectProblem(op, { trackId: one.id }, { transport })).toMatchObject({
          code: 'forbidden',
        })
    }
    for (const visibility of ['public', 'followers', 'private'] as const) {
      const { id: trackId } = await makeTrack(ann.id, { visibility })
      for (const op of [getSecretLink, resetSecretLink])
        expect(await ann.expectProblem(op, { trackId }, { transport })).toMatchObject({
          code: 'not_unlisted',
          status: 409,
        })
    }
  })

  it('gives access to the track in all operations after it is redeemed, until it is reset', async () => {
    const { id: trackId } = await createUnlisted()
    const bob = await testApp.signIn(`opener-${transport}`)
    const { secret } = await ann.call(getSecretLink, { trackId }, { transport })
    expect(await bob.expectProblem(getTrack, { trackId }, { transport })).toMatchObject({ code: 'not_found' })
    const opened = await bob.call(redeemSecretLink, { trackId, secret }, { transport })
    expect(opened).toMatchObject({ id: trackId, visibility: 'unlisted', viewer: { canEdit: false } })
    expect(await bob.call(redeemSecretLink, { trackId, secret }, { transport })).toEqual(opened)
    await bob.call(getTrack, { trackId }, { transport })
    await bob.call(likeTrack, { trackId }, { transport })
    await bob.call(addComment, { trackId, body: 'here', positionMs: 1 }, { transport })
    const recorder = await bob.recordEvents(`track:${trackId}`)
    const mine = await ann.recordEvents(`user:${ann.id}`)
    const socket = await bob.socket()
    const closed = new Promise(resolve => socket.once('channel.closed', resolve))

    const again = await ann.call(resetSecretLink, { trackId }, { transport })
    expect(again.secret).toMatch(/^[\w-]{43}$/)
    expect(again.secret).not.toBe(secret)
    await mine.waitFor('tracks.secretLinkReset', data => data.trackId === trackId)
    expect(await closed).toMatchObject({ channel: `track:${trackId}`, problem: { code: 'not_found' } })
    expect(recorder.names().at(-1)).toBe('tracks.secretLinkReset')
    for (const op of [getTrack, grantStream, likeTrack])
      expect(await bob.expectProblem(op, { trackId }, { transport })).toMatchObject({ code: 'not_found' })
    expect(await bob.expectProblem(redeemSecretLink, { trackId, secret }, { transport })).toMatchObject({
      code: 'not_found',
    })
    await bob.call(redeemSecretLink, { trackId, secret: again.secret }, { transport })
    await bob.call(getTrack, { trackId }, { transport })
  })

  it('gives no access across a block or while the track is private, and works again afterwards', async () => {
    const { id: trackId } = await createUnlisted()
    const { secret } = await ann.call(getSecretLink, { trackId }, { transport })
    const [bob, foe] = [await testApp.signIn(`b-${transport}`), await testApp.signIn(`foe-${transport}`)]
    await Block.create({ blockerId: ann.id, blockedId: foe.id, createdAt: new Date() })
    expect(await foe.expectProblem(redeemSecretLink, { trackId, secret }, { transport })).toMatchObject({
      code: 'not_found',
    })
    await bob.call(redeemSecretLink, { trackId, secret }, { transport })
    await ann.call(updateTrack, { trackId, visibility: 'private' }, { transport })
    for (const op of [getTrack, redeemSecretLink])
      expect(await bob.expectProblem(op, { trackId, secret }, { transport })).toMatchObject({ code: 'not_found' })
    await ann.call(updateTrack, { trackId, visibility: 'unlisted' }, { transport })
    await bob.call(getTrack, { trackId }, { transport })
    expect(await TrackLinkHolder.count({ where: { trackId } })).toBe(1)
  })
})

describe('an anonymous caller', () => {
  it('reads and plays with the secret in a header or a body, but never in a URL', async () => {
    const { id: trackId } = await createUnlisted()
    await Waveform.create({ trackId, uploadId: trackId, peaks: Buffer.from([1, 2]) })
    const { secret } = await ann.call(getSecretLink, { trackId })
    for (const op of [getTrack, getWaveform, grantStream, startPlay]) {
      expect((await requestAnonymously(op, { trackId })).error).toMatchObject({ code: 'not_found' })
      expect((await requestAnonymously(op, { trackId, secret: 'x'.repeat(43) })).error).toMatchObject({
        code: 'not_found',
      })
      expect((await requestAnonymously(op, { trackId, secret })).error).toBeUndefined()
      expect((await requestAnonymously(op, { trackId }, { 'x-track-secret': secret })).error).toBeUndefined()
    }
    expect(await Play.count({ where: { trackId } })).toBe(2)
    expect((await requestAnonymously(redeemSecretLink, { trackId, secret })).data).toMatchObject({ id: trackId })
    expect(await TrackLinkHolder.count({ where: { trackId } })).toBe(0)

    const url = `${testApp.nodes[0]?.url ?? ''}/api/v1/tracks/${trackId}?secret=${secret}`
    const response = await fetch(url)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ errors: [{ path: 'secret', code: 'secret_in_url' }] })
  })

  it('gets not_found with a secret that was reset', async () => {
    const { id: trackId } = await createUnlisted()
    const { secret } = await ann.call(getSecretLink, { trackId })
    await ann.call(resetSecretLink, { trackId })
    for (const op of [getTrack, grantStream, redeemSecretLink])
      expect((await requestAnonymously(op, { trackId, secret })).error).toMatchObject({ code: 'not_found' })
  })
})

it('a wrong secret does not hide a track that is visible anyway', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  const { data } = await requestAnonymously(getTrack, { trackId, secret: 'x'.repeat(43) })
  expect(data).toMatchObject({ id: trackId })
})

it('guesses are rate-limited, for existing and unknown tracks alike', async () => {
  const { id: trackId } = await createUnlisted()
  const { secret } = await ann.call(getSecretLink, { trackId })
  for (const [name, at] of [
    ['there', trackId],
    ['nowhere', ann.id],
  ] as const) {
    const eve = await testApp.signIn(`guessing-${name}`)
    const guess = () => eve.expectProblem(getTrack, { trackId: at, secret: 'y'.repeat(43) })
    const codes = await Promise.all(
      Array.from({ length: secretGuessesPerMinute + 5 }, async () => (await guess()).code),
    )
    expect(codes.filter(code => code === 'not_found')).toHaveLength(secretGuessesPerMinute)
    expect(codes.filter(code => code === 'too_many_requests')).toHaveLength(5)
    expect(await eve.expectProblem(redeemSecretLink, { trackId: at, secret: 'y'.repeat(43) })).toMatchObject({
      status: 429,
    })
  }
  const honest = await testApp.signIn('honest')
  await honest.call(redeemSecretLink, { trackId, secret })
})

it('redeeming a link concurrently with its reset leaves no access', async () => {
  for (let round = 0; round < 8; round += 1) {
    const { id: trackId } = await createUnlisted()
    const { secret } = await ann.call(getSecretLink, { trackId })
    const people = await Promise.all([1, 2, 3, 4].map(n => testApp.signIn(`race${n}`)))
    await Promise.all([
      ...people.slice(0, 2).map(person => person.request(redeemSecretLink, { trackId, secret })),
      ann.call(resetSecretLink, { trackId }, { transport: 'socket' }),
      ...people.slice(2).map(person => person.request(redeemSecretLink, { trackId, secret })),
    ])
    expect(await TrackLinkHolder.count({ where: { trackId } })).toBe(0)
    for (const person of people)
      expect(await person.expectProblem(getTrack, { trackId })).toMatchObject({ code: 'not_found' })
    testApp.clock.advance(60_000)
  }
})

it('concurrent resets leave one secret, which works', async () => {
  const dora = await testApp.signIn('dora')
  const { id: trackId } = await makeTrack(dora.id, { visibility: 'unlisted' })
  await Promise.all(
    transports.flatMap(transport => [1, 2, 3].map(() => dora.call(resetSecretLink, { trackId }, { transport }))),
  )
  const { secret } = await dora.call(getSecretLink, { trackId })
  expect((await requestAnonymously(redeemSecretLink, { trackId, secret })).error).toBeUndefined()
  expect(await Track.count({ where: { id: trackId } })).toBe(1)
})
