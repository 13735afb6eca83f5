import { type Problem } from '../../kernel/refusals'
import { likeTrack } from '../../skills/interactions/like-track'
import { joinParty } from '../../skills/listening-party/join-party'
import { openParty } from '../../skills/listening-party/open-party'
import { removeMember } from '../../skills/listening-party/remove-member'
import { updateTrack } from '../../skills/music-upload/update-track'
import { createPlaylist } from '../../skills/playlists/create-playlist'
import { deletePlaylist } from '../../skills/playlists/delete-playlist'
import { blockProfile } from '../../skills/user-profile/block-profile'
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

  await ann.call(likeTrack, { trackId })
  await own.first('interactions.trackLiked')
  expect(ear.names()).toEqual(['music-upload.trackHidden'])
})

it('closes what a blocked person followed of the one who blocks, and nothing else', async () => {
  const [annas, carls] = [await makeTrack(ann.id), await makeTrack((await world.person('carl')).id)]
  await bob.hear(`track:${annas.id}`)
  const ear = await bob.hear(`track:${carls.id}`)
  const closed = whatIsClosed(bob)
  await ann.call(blockProfile, { profileId: bob.id })
  expect(await closed).toMatchObject({ channel: `track:${annas.id}` })
  await ann.call(likeTrack, { trackId: carls.id })
  await ear.first('interactions.trackLiked')
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
