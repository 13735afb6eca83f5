import fc from 'fast-check'
import { addItem } from '../../skills/playlists/add-item'
import { createPlaylist } from '../../skills/playlists/create-playlist'
import { deletePlaylist } from '../../skills/playlists/delete-playlist'
import { getPlaylist } from '../../skills/playlists/get-playlist'
import { moveItem } from '../../skills/playlists/move-item'
import { removeItem } from '../../skills/playlists/remove-item'
import { Overtaken } from '../../skills/music-upload/lease'
import { removeTrack } from '../../skills/music-upload/remove-track'
import { updateTrack } from '../../skills/music-upload/update-track'
import { updatePlaylist } from '../../skills/playlists/update-playlist'
import { getMySnapshot } from '../../skills/notifications/get-my-snapshot'
import { makeGuest, makeTrack } from '../factories'
import { until } from '../kernel/until'
import { type Door, doors, type Person, type Reply } from '../people'
import { bringAudio } from '../skills/music-upload/bring-audio'
import { freshWorld, type TestWorld } from '../world'
import { type Fresh, Mirror, take } from './mirror'
import { type PlaylistCopy, playlistRules, shownPlaylist } from './playlist-copy'
import { holdsFor, storiesWithinMs, tell } from './stories'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

type Visibility = 'public' | 'unlisted' | 'private'
/** What happens to the tracks by themselves. */
const ofTracks = ['audio', 'words', 'hide', 'gone'] as const

const deedOf = (...visibilities: Visibility[]) =>
  fc.record({
    what: fc.constantFrom('add', 'add', 'move', 'move', 'remove', 'title', 'visibility', ...ofTracks),
    visibility: fc.constantFrom(...visibilities),
    which: fc.nat(1_000),
    where: fc.nat(1_000),
    device: fc.nat(1),
    door: fc.constantFrom(...doors),
  })
type Deed = ReturnType<typeof deedOf> extends fc.Arbitrary<infer D> ? D : never

const trackVisibilities = ['public', 'followers', 'unlisted', 'private'] as const

let told = 0

/** A playlist of somebody with two devices, tracks that not everybody may see, and somebody who looks on. */
async function stage() {
  told += 1
  const devices = [
    await world.person(`ann${told}`, { node: 0 }),
    await world.person(`ann${told}`, { node: 1 }),
  ] as const
  const [ann] = devices
  const bob = await world.person(`bob${told}`, { node: 1 })
  const tracks = await Promise.all([
    makeTrack(ann.id, { title: 'open', durationMs: 1 }),
    makeTrack(ann.id, { title: 'by link', durationMs: 20, visibility: 'unlisted' }),
    makeTrack(ann.id, { title: 'secret', durationMs: 300, visibility: 'private' }),
    makeTrack(bob.id, { title: "bob's", durationMs: 4_000 }),
  ])
  await makeGuest(tracks[1].id, bob.id)
  const { id: playlistId } = await ann.call(createPlaylist, { title: 'Ours' })
  const itemIds: string[] = []
  const add = async (person: Person, trackId: string, door: Door, after?: string | null) => {
    const reply = await person.ask(
      addItem,
      { playlistId, trackId, ...(after === undefined ? {} : { after }) },
      { door },
    )
    if (reply.error === undefined) itemIds.push((reply.data as { item: { itemId: string } }).item.itemId)
    return reply
  }
  for (const { id } of tracks) await add(ann, id, 'rest')

  function does({ what, visibility, which, where, device, door }: Deed): Promise<Reply> {
    const person = devices[device] ?? ann
    const itemId = itemIds[which % itemIds.length] ?? ''
    const track = tracks[which % tracks.length] ?? tracks[0]
    const owner = track.ownerId === ann.id ? person : bob
    const after = [null, ...itemIds][where % (itemIds.length + 1)] ?? null
    const deeds: Record<typeof what, () => Promise<Reply>> = {
      add: () => add(person, track.id, door, where % 3 === 0 ? undefined : after),
      move: () => person.ask(moveItem, { playlistId, itemId, after, ...(which % 2 === 0 ? { rev: 9 } : {}) }, { door }),
      remove: () => person.ask(removeItem, { playlistId, itemId }, { door }),
      title: () => person.ask(updatePlaylist, { playlistId, title: `Title ${which % 5}` }, { door }),
      visibility: () => person.ask(updatePlaylist, { playlistId, visibility }, { door }),
      audio: async () => {
        const audio = { trackId: track.id, ownerId: track.ownerId, durationMs: 1_000 + where }
        // That of a track which is removed meanwhile is given up.
        await bringAudio(world, audio).catch((error: unknown) => {
          if (!(error instanceof Overtaken)) throw error
        })
        return {}
      },
      words: () => owner.ask(updateTrack, { trackId: track.id, title: `Words ${where % 5}` }, { door }),
      hide: () =>
        owner.ask(updateTrack, { trackId: track.id, visibility: trackVisibilities[where % 4] ?? 'public' }, { door }),
      gone: () => (where % 3 === 0 ? owner.ask(removeTrack, { trackId: track.id }, { door }) : Promise.resolve({})),
    }
    return deeds[what]()
  }
  return { devices, ann, bob, playlistId, does }
}

it(
  'whoever may see it: a snapshot and the events since are a fresh snapshot',
  async () => {
    await holdsFor(deedOf('public', 'unlisted'), async story => {
      const { ann, bob, playlistId, does } = await stage()
      const fresh = async (): Promise<Fresh<PlaylistCopy>> => {
        const { data, place } = await take(bob, getPlaylist, { playlistId }, story.door)
        return { state: data, places: [place] }
      }
      await using mirror = await tell(story, does, async () => Mirror.open(world, bob, await fresh(), playlistRules))
      // Who follows playlists is told of tracks by a worker.
      await world.work()
      const now = await fresh()
      await mirror.reaches(now)
      expect(await shownPlaylist(mirror.state, bob)).toEqual(await shownPlaylist(now.state, bob))

      await ann.call(deletePlaylist, { playlistId })
      await until(() => mirror.state === null)
      expect(await bob.refused(getPlaylist, { playlistId })).toMatchObject({ code: 'not_found' })
    })
  },
  storiesWithinMs,
)

it(
  'its owner, by their own channel, also while it is private',
  async () => {
    await holdsFor(deedOf('public', 'unlisted', 'private', 'private'), async story => {
      const { devices, playlistId, does } = await stage()
      const laptop = devices[1]
      const fresh = async (): Promise<Fresh<PlaylistCopy>> => {
        // The playlist is read behind the place of the owner's channel: what is told twice has a revision that is known.
        const { place } = await take(laptop, getMySnapshot, {}, story.door)
        const { data } = await take(laptop, getPlaylist, { playlistId }, story.door)
        return { state: data, places: [place] }
      }
      await using mirror = await tell(story, does, async () => Mirror.open(world, laptop, await fresh(), playlistRules))
      // Who follows playlists is told of tracks by a worker.
      await world.work()
      const now = await fresh()
      await mirror.reaches(now)
      expect(await shownPlaylist(mirror.state, laptop)).toEqual(await shownPlaylist(now.state, laptop))
    })
  },
  storiesWithinMs,
)
