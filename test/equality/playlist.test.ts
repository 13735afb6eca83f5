import fc from 'fast-check'
import { addItem } from '../../skills/playlists/add-item'
import { createPlaylist } from '../../skills/playlists/create-playlist'
import { deletePlaylist } from '../../skills/playlists/delete-playlist'
import { getPlaylist } from '../../skills/playlists/get-playlist'
import { moveItem } from '../../skills/playlists/move-item'
import { removeItem } from '../../skills/playlists/remove-item'
import { LeaseLost } from '../../skills/music-processing/lease'
import { deleteTrack } from '../../skills/tracks/delete-track'
import { updateTrack } from '../../skills/tracks/update-track'
import { updatePlaylist } from '../../skills/playlists/update-playlist'
import { getMySnapshot } from '../../skills/user-profile/get-my-snapshot'
import { makeTrackLinkHolder, makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { type Transport, transports, type Person, type Reply } from '../person'
import { replaceAudioDirectly } from '../skills/music-processing/replace-audio-directly'
import { createTestApp, type TestApp } from '../test-app'
import { type ReplicaStart, Replica, takeSnapshot } from './replica'
import { type PlaylistReplica, playlistRules, displayedPlaylist } from './playlist-replica'
import { checkStories, storiesTimeoutMs, runStory } from './stories'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

type Visibility = 'public' | 'unlisted' | 'private'
/** Actions on the tracks themselves. */
const trackActions = ['audio', 'words', 'hide', 'gone'] as const

const actionOf = (...visibilities: Visibility[]) =>
  fc.record({
    what: fc.constantFrom('add', 'add', 'move', 'move', 'remove', 'title', 'visibility', ...trackActions),
    visibility: fc.constantFrom(...visibilities),
    which: fc.nat(1_000),
    where: fc.nat(1_000),
    device: fc.nat(1),
    transport: fc.constantFrom(...transports),
  })
type Action = ReturnType<typeof actionOf> extends fc.Arbitrary<infer D> ? D : never

const trackVisibilities = ['public', 'followers', 'unlisted', 'private'] as const

let stageCount = 0

/** A playlist of a person with two devices, tracks of every visibility, and a person who watches. */
async function createStage() {
  stageCount += 1
  const devices = [
    await testApp.signIn(`ann${stageCount}`, { node: 0 }),
    await testApp.signIn(`ann${stageCount}`, { node: 1 }),
  ] as const
  const [ann] = devices
  const bob = await testApp.signIn(`bob${stageCount}`, { node: 1 })
  const tracks = await Promise.all([
    makeTrack(ann.id, { title: 'open', durationMs: 1 }),
    makeTrack(ann.id, { title: 'by link', durationMs: 20, visibility: 'unlisted' }),
    makeTrack(ann.id, { title: 'secret', durationMs: 300, visibility: 'private' }),
    makeTrack(bob.id, { title: "bob's", durationMs: 4_000 }),
  ])
  await makeTrackLinkHolder(tracks[1].id, bob.id)
  const { id: playlistId } = await ann.call(createPlaylist, { title: 'Ours' })
  const itemIds: string[] = []
  const add = async (person: Person, trackId: string, transport: Transport, after?: string | null) => {
    const reply = await person.request(
      addItem,
      { playlistId, trackId, ...(after === undefined ? {} : { afterItemId: after }) },
      { transport },
    )
    if (reply.error === undefined) itemIds.push((reply.data as { item: { itemId: string } }).item.itemId)
    return reply
  }
  for (const { id } of tracks) await add(ann, id, 'rest')

  function perform({ what, visibility, which, where, device, transport }: Action): Promise<Reply> {
    const person = devices[device] ?? ann
    const itemId = itemIds[which % itemIds.length] ?? ''
    const track = tracks[which % tracks.length] ?? tracks[0]
    const owner = track.ownerId === ann.id ? person : bob
    const after = [null, ...itemIds][where % (itemIds.length + 1)] ?? null
    const actions: Record<typeof what, () => Promise<Reply>> = {
      add: () => add(person, track.id, transport, where % 3 === 0 ? undefined : after),
      move: () =>
        person.request(
          moveItem,
          { playlistId, itemId, afterItemId: after, ...(which % 2 === 0 ? { rev: 9 } : {}) },
          { transport },
        ),
      remove: () => person.request(removeItem, { playlistId, itemId }, { transport }),
      title: () => person.request(updatePlaylist, { playlistId, title: `Title ${which % 5}` }, { transport }),
      visibility: () => person.request(updatePlaylist, { playlistId, visibility }, { transport }),
      audio: async () => {
        const audio = { trackId: track.id, ownerId: track.ownerId, durationMs: 1_000 + where }
        // The replacement is abandoned if the track is deleted meanwhile.
        await replaceAudioDirectly(testApp, audio).catch((error: unknown) => {
          if (!(error instanceof LeaseLost)) throw error
        })
        return {}
      },
      words: () => owner.request(updateTrack, { trackId: track.id, title: `Words ${where % 5}` }, { transport }),
      hide: () =>
        owner.request(
          updateTrack,
          { trackId: track.id, visibility: trackVisibilities[where % 4] ?? 'public' },
          { transport },
        ),
      gone: () =>
        where % 3 === 0 ? owner.request(deleteTrack, { trackId: track.id }, { transport }) : Promise.resolve({}),
    }
    return actions[what]()
  }
  return { devices, ann, bob, playlistId, does: perform }
}

it(
  'for viewers with access, a snapshot plus later events equals a new snapshot',
  async () => {
    await checkStories(actionOf('public', 'unlisted'), async story => {
      const { ann, bob, playlistId, does: perform } = await createStage()
      const snapshot = async (): Promise<ReplicaStart<PlaylistReplica>> => {
        const { data, position } = await takeSnapshot(bob, getPlaylist, { playlistId }, story.transport)
        return { state: data, positions: [position] }
      }
      await using replica = await runStory(story, perform, async () =>
        Replica.open(testApp, bob, await snapshot(), playlistRules),
      )
      // A worker publishes track changes to followers of playlists.
      await testApp.runJobs()
      const now = await snapshot()
      await replica.waitFor(now)
      expect(await displayedPlaylist(replica.state, bob)).toEqual(await displayedPlaylist(now.state, bob))

      await ann.call(deletePlaylist, { playlistId })
      await waitUntil(() => replica.state === null)
      expect(await bob.expectProblem(getPlaylist, { playlistId })).toMatchObject({ code: 'not_found' })
    })
  },
  storiesTimeoutMs,
)

it(
  'for its owner, also over their own channel and while it is private',
  async () => {
    await checkStories(actionOf('public', 'unlisted', 'private', 'private'), async story => {
      const { devices, playlistId, does: perform } = await createStage()
      const laptop = devices[1]
      const snapshot = async (): Promise<ReplicaStart<PlaylistReplica>> => {
        // The playlist is read after the position of the owner's channel: repeated events have a known revision.
        const { position } = await takeSnapshot(laptop, getMySnapshot, {}, story.transport)
        const { data } = await takeSnapshot(laptop, getPlaylist, { playlistId }, story.transport)
        return { state: data, positions: [position] }
      }
      await using replica = await runStory(story, perform, async () =>
        Replica.open(testApp, laptop, await snapshot(), playlistRules),
      )
      // A worker publishes track changes to followers of playlists.
      await testApp.runJobs()
      const now = await snapshot()
      await replica.waitFor(now)
      expect(await displayedPlaylist(replica.state, laptop)).toEqual(await displayedPlaylist(now.state, laptop))
    })
  },
  storiesTimeoutMs,
)
