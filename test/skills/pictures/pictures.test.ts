import { Picture, Track } from '../../../models'
import { addComment } from '../../../skills/interactions/add-comment'
import { listComments } from '../../../skills/interactions/list-comments'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { abortPicture } from '../../../skills/pictures/abort-picture'
import { finalizePicture } from '../../../skills/pictures/finalize-picture'
import { getPicture } from '../../../skills/pictures/get-picture'
import { initiatePicture } from '../../../skills/pictures/initiate-picture'
import { serverFailure } from '../../../skills/pictures/processing-states'
import { removeArtwork } from '../../../skills/pictures/remove-artwork'
import { renewPicture } from '../../../skills/pictures/renew-picture'
import { pictureBytesMax } from '../../../skills/pictures/rules'
import { pictureFiles } from '../../../media/pictures/picture-files'
import { expirePictures } from '../../../skills/pictures/expire-pictures'
import { getTrack } from '../../../skills/tracks/get-track'
import { listProfileTracks } from '../../../skills/tracks/list-profile-tracks'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { getMe } from '../../../skills/user-profile/get-me'
import { getProfile } from '../../../skills/user-profile/get-profile'
import { listFollowers } from '../../../skills/user-profile/list-followers'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { blue, plainPng } from '../../make-pictures'
import { createTestApp, type TestApp } from '../../test-app'
import { putBytes } from '../music-upload/upload-file'
import { type UnreliableStore, startUnreliableStore } from '../music-upload/unreliable-store'
import {
  addPicture,
  pictureInput,
  submitPicture,
  createJobContext,
  sendPicture,
  storedKeys,
  runJobsDueWithin,
} from './add-picture'

let testApp: TestApp
let store: UnreliableStore
let png: Buffer
let other: Buffer
beforeAll(async () => {
  store = await startUnreliableStore()
  testApp = await createTestApp({ variables: { S3_ENDPOINT: store.endpoint } })
  png = await plainPng()
  other = await plainPng({ color: blue })
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

describe.each(transports)('an avatar over %s', transport => {
  it('is initiated, sent, rendered, and shown wherever its profile is', async () => {
    const [ann, bob] = [await testApp.signIn(`ann-${transport}`), await testApp.signIn(`bob-${transport}`)]
    const track = await makeTrack(ann.id)
    await ann.call(addComment, { trackId: track.id, body: 'Mine', positionMs: 0 })
    await ann.call(followProfile, { profileId: bob.id })
    const before = await ann.call(getMe, {}, { transport })
    expect(before.avatar).toBeNull()
    // Fills the caches of both nodes.
    expect(await bob.call(getProfile, { handleOrId: ann.id })).toMatchObject({ avatar: null })
    expect(await bob.call(getTrack, { trackId: track.id })).toMatchObject({ owner: { avatar: null } })
    const recorder = await ann.recordEvents(`user:${ann.id}`)

    const { picture, putRequest } = await ann.call(initiatePicture, pictureInput(png), { transport })
    expect(picture).toMatchObject({ purpose: 'avatar', trackId: null, state: 'initiated', color: null, error: null })
    expect(await putBytes(putRequest, png)).toBe(200)
    const finalized = await ann.call(finalizePicture, { pictureId: picture.id }, { transport })
    expect(finalized).toMatchObject({ state: 'uploaded' })
    await testApp.runJobs()

    const ended = await ann.call(getPicture, { pictureId: picture.id }, { transport })
    expect(ended).toMatchObject({ state: 'ready', color: expect.stringMatching(/^#d/) as string })
    const avatar = { id: picture.id, color: ended.color }
    expect(await ann.call(getMe, {}, { transport })).toEqual({ ...before, avatar, rev: before.rev + 1 })
    for (const reader of [ann, bob]) {
      expect(await reader.call(getProfile, { handleOrId: ann.id }, { transport })).toMatchObject({ avatar })
      expect(await reader.call(getTrack, { trackId: track.id }, { transport })).toMatchObject({
        owner: { avatar },
      })
      const [comment] = await reader.call(listComments, { trackId: track.id }, { transport })
      expect(comment?.author).toMatchObject({ id: ann.id, avatar })
      const [follower] = await reader.call(listFollowers, { profileId: bob.id }, { transport })
      expect(follower).toMatchObject({ id: ann.id, avatar })
    }
    const changed = await recorder.waitFor('user-profile.profileChanged')
    expect(changed.data).toMatchObject({ profile: { avatar } })
    const states = recorder.events.flatMap(({ name, data }) =>
      name === 'pictures.pictureChanged' ? [(data.picture as { state: string }).state] : [],
    )
    expect(states).toEqual(['initiated', 'uploaded', 'ready'])
    expect(await storedKeys(testApp, picture.id)).toEqual(pictureFiles.map(file => `pictures/${picture.id}/${file}`))
  })
})

describe('artwork', () => {
  it('is shown with its track, with an event; its artist or a moderator can remove it', async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn('bob')
    const moderator = await testApp.signIn('mod', { roles: ['moderator'] })
    const track = await makeTrack(ann.id)
    for (const remover of [ann, moderator]) {
      const { rev } = await bob.call(getTrack, { trackId: track.id })
      const recorder = await bob.recordEvents(`track:${track.id}`)
      const { id, color } = await addPicture(testApp, ann, png, { trackId: track.id })
      const artwork = { id, color }
      const shown = await bob.call(getTrack, { trackId: track.id })
      expect(shown).toMatchObject({ artwork, rev: rev + 1 })
      expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ artwork })
      const [listed] = await bob.call(listProfileTracks, { profileId: ann.id })
      expect(listed).toMatchObject({ id: track.id, artwork })
      await recorder.waitFor('tracks.trackChanged', ({ track }) => (track as { artwork: unknown }).artwork !== null)

      expect(await bob.expectProblem(removeArtwork, { trackId: track.id })).toMatchObject({
        code: 'forbidden',
        status: 403,
      })
      await remover.call(removeArtwork, { trackId: track.id })
      await remover.call(removeArtwork, { trackId: track.id })
      expect(await bob.call(getTrack, { trackId: track.id })).toMatchObject({ artwork: null, rev: rev + 2 })
      await recorder.waitFor('tracks.trackChanged', ({ track }) => (track as { rev: number }).rev === rev + 2)
      await testApp.runJobs()
      expect(await storedKeys(testApp, id)).toEqual([])
      expect(await ann.call(getPicture, { pictureId: id })).toMatchObject({ state: 'removed' })
    }
  })

  it("is allowed only on one's own tracks", async () => {
    const [ann, eve] = [await testApp.signIn('ann'), await testApp.signIn('eve')]
    const track = await makeTrack(ann.id)
    const hidden = await makeTrack(ann.id, { visibility: 'private' })
    const input = (trackId: string) => pictureInput(png, { trackId })
    expect(await eve.expectProblem(initiatePicture, input(track.id))).toMatchObject({ code: 'forbidden', status: 403 })
    expect(await eve.expectProblem(initiatePicture, input(hidden.id))).toMatchObject({ code: 'not_found', status: 404 })
    expect(await eve.expectProblem(removeArtwork, { trackId: hidden.id })).toMatchObject({ code: 'not_found' })
    const none = { ...pictureInput(png), purpose: 'artwork' }
    expect(await ann.expectProblem(initiatePicture, none)).toMatchObject({
      code: 'invalid_input',
      errors: [{ path: 'trackId', code: 'required' }],
    })
    expect(await ann.expectProblem(initiatePicture, { ...input(track.id), purpose: 'avatar' })).toMatchObject({
      code: 'invalid_input',
      errors: [{ path: 'trackId', code: 'not_allowed' }],
    })
    expect(await Picture.count({ where: { trackId: [track.id, hidden.id] } })).toBe(0)
  })

  it('is removed with its track, also while it waits or is processed', async () => {
    const ann = await testApp.signIn('ann')
    const track = await makeTrack(ann.id)
    const shown = await addPicture(testApp, ann, png, { trackId: track.id })
    const processing = await submitPicture(ann, other, { trackId: track.id })
    const { pictureId: waiting } = await sendPicture(ann, other, { trackId: track.id })
    await ann.call(deleteTrack, { trackId: track.id })
    await testApp.runJobs()
    const states = await Promise.all(
      [shown.id, processing, waiting].map(async pictureId => (await ann.call(getPicture, { pictureId })).state),
    )
    expect(states).toEqual(['removed', 'removed', 'aborted'])
    for (const id of [shown.id, processing, waiting]) expect(await storedKeys(testApp, id)).toEqual([])
    expect(await ann.expectProblem(finalizePicture, { pictureId: waiting })).toMatchObject({ code: 'picture_aborted' })
  })
})

describe('an initiated picture', () => {
  it.each([
    ['an SVG', { contentType: 'image/svg+xml' }, 'contentType'],
    ['too many bytes', { sizeBytes: pictureBytesMax + 1 }, 'sizeBytes'],
    ['no bytes', { sizeBytes: 0 }, 'sizeBytes'],
    ['a bad hash', { sha256: 'x'.repeat(64) }, 'sha256'],
    ['no name', { fileName: '' }, 'fileName'],
    ['another purpose', { purpose: 'banner' }, 'purpose'],
  ])('is rejected with %s', async (_what, input, path) => {
    const ann = await testApp.signIn('ann')
    const problem = await ann.expectProblem(initiatePicture, { ...pictureInput(png), ...input })
    expect(problem).toMatchObject({ code: 'invalid_input', errors: [{ path }] })
  })

  it('exists once per idempotency key, and at most ten wait at a time under concurrency', async () => {
    const ann = await testApp.signIn('ann-many')
    const input = pictureInput(png)
    const first = await ann.call(initiatePicture, input, { idempotencyKey: 'one' })
    expect(await ann.call(initiatePicture, input, { idempotencyKey: 'one' })).toEqual(first)
    const more = await Promise.all(Array.from({ length: 15 }, () => ann.request(initiatePicture, input)))
    expect(more.filter(({ error }) => error === undefined)).toHaveLength(9)
    for (const { error } of more.filter(reply => reply.error !== undefined))
      expect(error).toMatchObject({ code: 'too_many_pictures', status: 429, retryAfter: expect.any(Number) as number })
    await ann.call(abortPicture, { pictureId: first.picture.id })
    await ann.call(initiatePicture, input)
  })

  it('accepts exactly the declared bytes, once', async () => {
    const ann = await testApp.signIn('ann')
    const { putRequest, picture } = await ann.call(initiatePicture, pictureInput(png))
    const wrong = Buffer.from(png)
    wrong[50] = (wrong[50] ?? 0) ^ 1
    for (const bytes of [other, wrong, Buffer.concat([png, png])])
      expect(await putBytes(putRequest, bytes)).not.toBe(200)
    const html = { ...putRequest, headers: { ...putRequest.headers, 'content-type': 'text/html' } }
    expect(await putBytes(html, png)).not.toBe(200)
    expect(await putBytes(putRequest, png)).toBe(200)
    expect(await putBytes(putRequest, png)).toBe(412)
    expect(await ann.call(finalizePicture, { pictureId: picture.id })).toMatchObject({ state: 'uploaded' })
  })

  it('gets a new URL while it waits, and expires', async () => {
    let ann = await testApp.signIn('ann-late')
    const { picture, putRequest } = await ann.call(initiatePicture, pictureInput(png))
    testApp.clock.advance(25 * 60_000)
    const renewed = await ann.call(renewPicture, { pictureId: picture.id })
    expect(Date.parse(renewed.putRequest.expiresAt)).toBeGreaterThan(Date.parse(putRequest.expiresAt))
    expect(await putBytes(renewed.putRequest, png)).toBe(200)
    testApp.clock.advance(2 * 60 * 60_000)
    const late = { code: 'picture_expired', status: 410 }
    ann = await testApp.signIn('ann-late')
    expect(await ann.expectProblem(finalizePicture, { pictureId: picture.id })).toMatchObject(late)
    expect(await ann.expectProblem(renewPicture, { pictureId: picture.id })).toMatchObject(late)
    await expirePictures.run({}, createJobContext(testApp))
    expect(await ann.call(getPicture, { pictureId: picture.id })).toMatchObject({ state: 'expired' })
    await runJobsDueWithin(testApp, 60 * 60_000)
    expect(await storedKeys(testApp, picture.id)).toEqual([])
    expect(await ann.expectProblem(finalizePicture, { pictureId: picture.id })).toMatchObject(late)
    expect(await ann.expectProblem(abortPicture, { pictureId: picture.id })).toMatchObject({ code: 'picture_closed' })
  })

  it('is not found by others', async () => {
    const [ann, eve] = [await testApp.signIn('ann'), await testApp.signIn('eve')]
    const { pictureId } = await sendPicture(ann, png)
    for (const op of [getPicture, renewPicture, finalizePicture, abortPicture])
      expect(await eve.expectProblem(op, { pictureId })).toMatchObject({ code: 'not_found', status: 404 })
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'initiated' })
  })
})

describe('finalizing', () => {
  it('requires the file, and the declared size', async () => {
    const ann = await testApp.signIn('ann')
    const { picture } = await ann.call(initiatePicture, pictureInput(png))
    const input = { pictureId: picture.id }
    expect(await ann.expectProblem(finalizePicture, input)).toMatchObject({ code: 'file_missing', status: 409 })
    await testApp.app.storage.put(`incoming/${picture.id}`, Buffer.concat([png, png]), 'image/png')
    expect(await ann.expectProblem(finalizePicture, input)).toMatchObject({ code: 'file_mismatch', status: 422 })
    expect(await ann.call(getPicture, input)).toEqual(picture)
  })

  it('creates one job and shows the picture once for concurrent requests on two nodes', async () => {
    const ann = await testApp.signIn('ann-twenty', { node: 0 })
    const again = await testApp.signIn('ann-twenty', { node: 1 })
    const { pictureId } = await sendPicture(ann, png)
    const { rev } = await ann.call(getMe, {})
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? ann : again).call(finalizePicture, { pictureId })),
    )
    for (const answer of answers) expect(answer).toEqual(answers[0])
    await testApp.runJobs()
    expect(await again.call(finalizePicture, { pictureId })).toMatchObject({ state: 'ready' })
    expect((await ann.call(getMe, {})).rev).toBe(rev + 1)
    await recorder.waitFor('user-profile.profileChanged')
    const states = recorder.events.flatMap(({ name, data }) => (name.startsWith('pictures.') ? [data.picture] : []))
    expect(states.map(view => (view as { state: string }).state)).toEqual(['uploaded', 'ready'])
  })

  it('answers unavailable and changes nothing while the store is down, and works afterwards', async () => {
    const ann = await testApp.signIn('ann')
    const { pictureId, picture } = await sendPicture(ann, png)
    store.isDown = true
    const problem = await ann.expectProblem(finalizePicture, { pictureId })
    expect(problem).toMatchObject({ code: 'unavailable', status: 503 })
    expect(problem.retryAfter).toBeGreaterThan(0)
    store.isDown = false
    expect(await ann.call(getPicture, { pictureId })).toEqual(picture)
    await ann.call(finalizePicture, { pictureId })
    store.isDown = true
    // The attempt fails and is retried later.
    await testApp.runJobs()
    store.isDown = false
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'uploaded', error: null })
    await runJobsDueWithin(testApp, 60_000)
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'ready' })
  })
})

describe('a picture that cannot be rendered', () => {
  it('is rejected with a message, and the previous one stays', async () => {
    const ann = await testApp.signIn('ann-bad')
    const { id: shown } = await addPicture(testApp, ann, png)
    const { rev } = await ann.call(getMe, {})
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    const html = Buffer.from('<!doctype html><script>alert(1)</script>')
    const rejected = await addPicture(testApp, ann, html, { fileName: 'me.png' })
    expect(rejected).toMatchObject({ state: 'rejected', error: { code: 'unsupported_format' } })
    expect(rejected.error?.message).toMatch(/Send JPEG, PNG/)
    const changed = await recorder.waitFor(
      'pictures.pictureChanged',
      ({ picture }) => (picture as { state: string }).state === 'rejected',
    )
    expect(changed.data).toMatchObject({ picture: { id: rejected.id, error: rejected.error } })
    expect(await ann.call(getMe, {})).toMatchObject({ rev, avatar: { id: shown } })
    expect(await storedKeys(testApp, rejected.id)).toEqual([])
    expect(await storedKeys(testApp, shown)).toHaveLength(pictureFiles.length)
  })

  it('is rejected when the stored bytes differ from those finalized', async () => {
    const ann = await testApp.signIn('ann')
    const pictureId = await submitPicture(ann, png)
    await testApp.app.storage.put(`incoming/${pictureId}`, other, 'image/png')
    await testApp.runJobs()
    const found = await ann.call(getPicture, { pictureId })
    expect(found).toMatchObject({ state: 'rejected', error: { code: 'file_mismatch' } })
  })

  it('is retried after its worker died, and fails with a message after an hour', async () => {
    const [ann, ben] = [await testApp.signIn('ann-stuck'), await testApp.signIn('ben-stuck')]
    const [pictureId, hopeless] = [await submitPicture(ann, png), await submitPicture(ben, png)]
    // As if a worker had taken them and died.
    await testApp.app.db.query(
      `update graphile_worker._private_jobs set locked_at = now() - interval '11 minutes', locked_by = 'dead' where key in (:keys)`,
      { keys: [`picture:${pictureId}`, `picture:${hopeless}`] },
    )
    await Picture.update({ uploadedAt: new Date(testApp.clock.now() - 61 * 60_000) }, { where: { id: hopeless } })
    testApp.clock.advance(11 * 60_000)
    await expirePictures.run({}, createJobContext(testApp))
    await testApp.runJobs()
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'ready' })
    expect(await ben.call(getPicture, { pictureId: hopeless })).toMatchObject({ state: 'failed', error: serverFailure })
  })
})

it('pictures add no query to lists', async () => {
  const ann: Person = await testApp.signIn('ann-lists')
  const count = async (tracks: number) => {
    await Track.destroy({ where: { ownerId: ann.id } })
    for (let n = 0; n < tracks; n += 1)
      await makeTrack(ann.id, { artworkId: '00000000-0000-4000-8000-000000000000', artworkColor: '#123456' })
    const { options } = Track.sequelize as unknown as { options: { logging: unknown } }
    let queries = 0
    const kept = options.logging
    options.logging = () => (queries += 1)
    const listed = await ann.call(listProfileTracks, { profileId: ann.id })
    options.logging = kept
    expect(listed).toHaveLength(tracks)
    for (const { artwork } of listed)
      expect(artwork).toEqual({ id: '00000000-0000-4000-8000-000000000000', color: '#123456' })
    return queries
  }
  const queriesForOne = await count(1)
  expect(queriesForOne).toBeGreaterThan(0)
  expect(await count(20)).toBe(queriesForOne)
})
