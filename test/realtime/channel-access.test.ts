import { type Problem } from '../../kernel/pipeline/refusals'
import { joinParty } from '../../skills/listening-party/join-party'
import { createParty } from '../../skills/listening-party/create-party'
import { kickMember } from '../../skills/listening-party/kick-member'
import { updateTrack } from '../../skills/tracks/update-track'
import { createPlaylist } from '../../skills/playlists/create-playlist'
import { deletePlaylist } from '../../skills/playlists/delete-playlist'
import { blockProfile } from '../../skills/user-profile/block-profile'
import { emitNumbers } from '../emit-numbers'
import { makeTrack } from '../factories'
import { type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
beforeEach(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
})
afterEach(() => testApp[Symbol.asyncDispose]())

it('closes a private track for followers on the other node, but not for its artist', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  const ownRecorder = await ann.recordEvents(`track:${trackId}`)
  const recorder = await bob.recordEvents(`track:${trackId}`)
  const closed = closedChannel(bob)
  await ann.call(updateTrack, { trackId, visibility: 'private' })
  expect(await closed).toMatchObject({ channel: `track:${trackId}`, problem: { code: 'not_found' } })

  await emitNumbers(testApp.app, `track:${trackId}`, [1])
  await ownRecorder.waitFor('test.numberEmitted')
  expect(recorder.names()).toEqual(['tracks.trackVisibilityNarrowed'])
})

it("closes the blocking person's channels for the blocked one, and no others", async () => {
  const [annas, carls] = [await makeTrack(ann.id), await makeTrack((await testApp.signIn('carl')).id)]
  await bob.recordEvents(`track:${annas.id}`)
  const recorder = await bob.recordEvents(`track:${carls.id}`)
  const closed = closedChannel(bob)
  await ann.call(blockProfile, { profileId: bob.id })
  expect(await closed).toMatchObject({ channel: `track:${annas.id}` })
  await emitNumbers(testApp.app, `track:${carls.id}`, [1])
  await recorder.waitFor('test.numberEmitted')
})

it('closes a party for a kicked member', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  const { party } = await ann.call(createParty, { title: 'Here', trackIds: [trackId] })
  await bob.call(joinParty, { partyId: party.id })
  await bob.recordEvents(`party:${party.id}`)
  const closed = closedChannel(bob)
  await ann.call(kickMember, { partyId: party.id, profileId: bob.id })
  expect(await closed).toMatchObject({ channel: `party:${party.id}` })
})

it('closes a deleted playlist', async () => {
  const { id: playlistId } = await ann.call(createPlaylist, { title: 'Short' })
  const recorder = await bob.recordEvents(`playlist:${playlistId}`)
  const closed = closedChannel(bob)
  await ann.call(deletePlaylist, { playlistId })
  expect(await closed).toMatchObject({ channel: `playlist:${playlistId}`, problem: { code: 'not_found' } })
  expect(recorder.names()).toEqual(['playlists.playlistDeleted'])
})

async function closedChannel(person: Person): Promise<{ channel: string; problem: Problem }> {
  const socket = await person.socket()
  return new Promise(resolve => socket.once('channel.closed', resolve))
}

it('is cached instead of read from PostgreSQL, unless it was revoked', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  const channel = `track:${trackId}`
  const { channelAccess } = testApp.app
  expect(await channelAccess.isGranted(channel, bob.id)).toBe(false)
  await bob.recordEvents(channel)
  expect(await channelAccess.isGranted(channel, bob.id)).toBe(true)
  expect(await channelAccess.isGranted(channel, ann.id)).toBe(false)
  await ann.call(updateTrack, { trackId, visibility: 'private' })
  expect(await channelAccess.isGranted(channel, bob.id)).toBe(false)
  await ann.call(updateTrack, { trackId, visibility: 'public' })
  await bob.recordEvents(channel)
  // A revocation lasts as long as an answer from before could be cached.
  expect(await channelAccess.isGranted(channel, bob.id)).toBe(false)

  const { id: other } = await makeTrack(ann.id)
  await bob.recordEvents(`track:${other}`)
  await ann.call(blockProfile, { profileId: bob.id })
  expect(await channelAccess.isGranted(`track:${other}`, bob.id)).toBe(false)
  await expect(bob.recordEvents(`track:${other}`)).rejects.toThrow('not_found')
})
