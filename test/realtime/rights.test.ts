import { type Problem } from '../../kernel/refusals'
import { joinParty } from '../../skills/listening-party/join-party'
import { openParty } from '../../skills/listening-party/open-party'
import { removeMember } from '../../skills/listening-party/remove-member'
import { updateTrack } from '../../skills/music-upload/update-track'
import { createPlaylist } from '../../skills/playlists/create-playlist'
import { deletePlaylist } from '../../skills/playlists/delete-playlist'
import { blockProfile } from '../../skills/user-profile/block-profile'
import { announce } from '../announce'
import { makeTrack } from '../factories'
import { type Person } from '../people'
import { freshWorld, type TestWorld } from '../world'

let world: TestWorld
let ann: Person
let bob: Person
beforeEach(async () => {
  world = await freshWorld()
  ann = await world.person('ann')
  bob = await world.person('bob')
})
afterEach(() => world[Symbol.asyncDispose]())

it('closes a track for its followers on the other node when it turns private, but not for its artist', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  const own = await ann.hear(`track:${trackId}`)
  const ear = await bob.hear(`track:${trackId}`)
  const closed = whatIsClosed(bob)
  await ann.call(updateTrack, { trackId, visibility: 'private' })
  expect(await closed).toMatchObject({ channel: `track:${trackId}`, problem: { code: 'not_found' } })

  await announce(world.world, `track:${trackId}`, [1])
  await own.first('test.counted')
  expect(ear.names()).toEqual(['music-upload.trackHidden'])
})

it('closes what a blocked person followed of the one who blocks, and nothing else', async () => {
  const [annas, carls] = [await makeTrack(ann.id), await makeTrack((await world.person('carl')).id)]
  await bob.hear(`track:${annas.id}`)
  const ear = await bob.hear(`track:${carls.id}`)
  const closed = whatIsClosed(bob)
  await ann.call(blockProfile, { profileId: bob.id })
  expect(await closed).toMatchObject({ channel: `track:${annas.id}` })
  await announce(world.world, `track:${carls.id}`, [1])
  await ear.first('test.counted')
})

it('closes a party for whoever was shown out of it', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  const { party } = await ann.call(openParty, { title: 'Here', trackIds: [trackId] })
  await bob.call(joinParty, { partyId: party.id })
  await bob.hear(`party:${party.id}`)
  const closed = whatIsClosed(bob)
  await ann.call(removeMember, { partyId: party.id, profileId: bob.id })
  expect(await closed).toMatchObject({ channel: `party:${party.id}` })
})

it('closes a playlist that is no more', async () => {
  const { id: playlistId } = await ann.call(createPlaylist, { title: 'Short' })
  const ear = await bob.hear(`playlist:${playlistId}`)
  const closed = whatIsClosed(bob)
  await ann.call(deletePlaylist, { playlistId })
  expect(await closed).toMatchObject({ channel: `playlist:${playlistId}`, problem: { code: 'not_found' } })
  expect(ear.names()).toEqual(['playlists.playlistDeleted'])
})

async function whatIsClosed(person: Person): Promise<{ channel: string; problem: Problem }> {
  const socket = await person.socket()
  return new Promise(resolve => socket.once('channel.closed', resolve))
}

it('is not asked of PostgreSQL again for a while, unless it was put in doubt', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  const channel = `track:${trackId}`
  const { rights } = world.world
  expect(await rights.isGranted(channel, bob.id)).toBe(false)
  await bob.hear(channel)
  expect(await rights.isGranted(channel, bob.id)).toBe(true)
  expect(await rights.isGranted(channel, ann.id)).toBe(false)
  await ann.call(updateTrack, { trackId, visibility: 'private' })
  expect(await rights.isGranted(channel, bob.id)).toBe(false)
  await ann.call(updateTrack, { trackId, visibility: 'public' })
  await bob.hear(channel)
  // In doubt for as long as an answer from before could be kept.
  expect(await rights.isGranted(channel, bob.id)).toBe(false)

  const { id: other } = await makeTrack(ann.id)
  await bob.hear(`track:${other}`)
  await ann.call(blockProfile, { profileId: bob.id })
  expect(await rights.isGranted(`track:${other}`, bob.id)).toBe(false)
  await expect(bob.hear(`track:${other}`)).rejects.toThrow('not_found')
})
