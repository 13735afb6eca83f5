import { listAudioMatches } from '../../../skills/moderation/list-audio-matches'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { getAudioDetails } from '../../../skills/tracks/get-audio-details'
import { makeFromSource, convertAudio } from '../../make-audio'
import { type Person } from '../../person'
import { melodySource } from '../../audio-analysis'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadFile } from '../music-upload/upload-file'

const asMp3 = ['-b:a', '96k']

let testApp: TestApp
let eve: Person
let bob: Person
let moderator: Person
let ffmpeg: string
beforeAll(async () => {
  testApp = await createTestApp()
  eve = await testApp.signIn('eve')
  bob = await testApp.signIn('bob')
  moderator = await testApp.signIn('mod', { roles: ['moderator'] })
  ffmpeg = testApp.app.config.tools.ffmpeg
})
afterAll(() => testApp[Symbol.asyncDispose]())

it('shows moderators the same recording of another owner, owners their own, and nobody else anything', async () => {
  const { trackId: first } = await uploadFile(
    testApp,
    eve,
    await makeFromSource(ffmpeg, melodySource(3, 10), asMp3, 'mp3'),
  )
  const recoded = await convertAudio(
    ffmpeg,
    await makeFromSource(ffmpeg, melodySource(3, 10), asMp3, 'mp3'),
    ['-b:a', '80k'],
    'm4a',
  )
  const { trackId: copied } = await uploadFile(testApp, bob, recoded)
  const { trackId: again } = await uploadFile(testApp, eve, recoded)
  await uploadFile(testApp, bob, await makeFromSource(ffmpeg, melodySource(4, 10), asMp3, 'mp3'))

  const resembling = async (person: Person, trackId: string) =>
    (await person.call(getAudioDetails, { trackId })).ownerDetails?.sameRecordingTrackIds
  expect(await resembling(eve, first)).toEqual([again])
  expect(await resembling(eve, again)).toEqual([first])
  expect(await resembling(bob, copied)).toEqual([])

  const pairs = async () =>
    (await moderator.call(listAudioMatches, {})).map(({ track, original }) => [track.id, original.id])
  expect(await pairs()).toEqual([
    [again, copied],
    [copied, first],
  ])
  const [{ difference } = { difference: 1 }] = await moderator.call(listAudioMatches, {})
  expect(difference).toBeLessThan(0.05)
  const { page, data } = await moderator.request(listAudioMatches, { limit: 1 })
  expect(data).toHaveLength(1)
  const next = await moderator.call(listAudioMatches, { limit: 1, cursor: page?.next ?? '' })
  expect(next.map(({ track }) => track.id)).toEqual([copied])

  await eve.call(deleteTrack, { trackId: again })
  expect(await pairs()).toEqual([[copied, first]])
  expect(await bob.expectProblem(listAudioMatches, {})).toMatchObject({ code: 'forbidden' })
}, 60_000)

it('finds an identical file of another owner, also when it is too short for a fingerprint', async () => {
  const short = await makeFromSource(ffmpeg, melodySource(7, 2), asMp3, 'mp3')
  const { trackId: first } = await uploadFile(testApp, eve, short)
  const { trackId: copied } = await uploadFile(testApp, bob, short)
  const matches = await moderator.call(listAudioMatches, {})
  const match = matches.find(({ track }) => track.id === copied)
  expect(match).toMatchObject({ original: { id: first }, difference: 0 })
}, 60_000)
