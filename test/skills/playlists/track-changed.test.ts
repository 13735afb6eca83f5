import { Transaction } from 'sequelize'
import { newId } from '../../../kernel/pipeline/new-id'
import { Playlist, PlaylistItem } from '../../../models'
import { addItem } from '../../../skills/playlists/add-item'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { getPlaylist } from '../../../skills/playlists/get-playlist'
import { playlistsPerBatch } from '../../../skills/playlists/publish-track-change'
import { updatePlaylist } from '../../../skills/playlists/update-playlist'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { updateTrack } from '../../../skills/tracks/update-track'
import { makeTrack } from '../../factories'
import { waitUntil } from '../../kernel/wait-until'
import { transports, type EventRecorder, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { replaceAudioDirectly } from '../music-processing/replace-audio-directly'

let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
})
afterAll(() => testApp[Symbol.asyncDispose]())

async function createPlaylistWith(...trackIds: string[]) {
  const { id: playlistId } = await bob.call(createPlaylist, { title: 'Late' })
  const itemIds: string[] = []
  for (const trackId of trackIds) itemIds.push((await bob.call(addItem, { playlistId, trackId })).item.itemId)
  return { playlistId, itemIds }
}

const trackChanges = ({ events }: EventRecorder, playlistId: string) =>
  events.flatMap(({ name, data }) =>
    name === 'playlists.itemTrackChanged' && data.playlistId === playlistId ? [data] : [],
  )

it('followers of a playlist receive the new duration after the audio of a track is replaced', async () => {
  const [one, two] = [await makeTrack(ann.id, { durationMs: 5_000 }), await makeTrack(ann.id, { durationMs: 300 })]
  const { playlistId, itemIds } = await createPlaylistWith(one.id, two.id, one.id)
  const recorder = await ann.recordEvents(`playlist:${playlistId}`)
  const before = await ann.call(getPlaylist, { playlistId })
  expect(before.durationMs).toBe(10_300)

  const audioVersion = await replaceAudioDirectly(testApp, { trackId: one.id, ownerId: ann.id, durationMs: 2_000 })
  await testApp.runJobs()
  const { data } = await recorder.waitFor('playlists.itemTrackChanged')
  expect(data).toMatchObject({ playlistId, trackId: one.id, track: { id: one.id, audioVersion, durationMs: 2_000 } })
  expect((data.itemIds as string[]).sort()).toEqual([itemIds[0], itemIds[2]].sort())
  for (const transport of transports) {
    const after = await ann.call(getPlaylist, { playlistId }, { transport })
    expect(after).toMatchObject({ durationMs: 4_300, trackCount: 3, rev: before.rev, updatedAt: before.updatedAt })
  }
})

it('publishes changes of a private playlist only to its owner, and only the id of a track that is not public', async () => {
  const track = await makeTrack(bob.id)
  const [open, closed] = [await createPlaylistWith(track.id), await createPlaylistWith(track.id)]
  const [follower, owner] = [
    await ann.recordEvents(`playlist:${closed.playlistId}`),
    await bob.recordEvents(`user:${bob.id}`),
  ]
  await bob.call(updatePlaylist, { playlistId: closed.playlistId, visibility: 'private' })
  await replaceAudioDirectly(testApp, { trackId: track.id, ownerId: bob.id, durationMs: 2_000 })
  await testApp.runJobs()
  for (const { playlistId } of [open, closed])
    await owner.waitFor('playlists.itemTrackChanged', data => data.playlistId === playlistId)
  expect(trackChanges(follower, closed.playlistId)).toEqual([])

  await bob.call(updateTrack, { trackId: track.id, visibility: 'unlisted' })
  await testApp.runJobs()
  const listener = await ann.recordEvents(`playlist:${open.playlistId}`)
  await replaceAudioDirectly(testApp, { trackId: track.id, ownerId: bob.id, durationMs: 3_000 })
  await testApp.runJobs()
  const { data } = await listener.waitFor('playlists.itemTrackChanged')
  expect(data).toMatchObject({ trackId: track.id, itemIds: open.itemIds, track: null })
})

it('publishes a new title, hiding, showing again, and deletion of a track', async () => {
  const track = await makeTrack(ann.id, { durationMs: 7_000, title: 'First' })
  const { playlistId, itemIds } = await createPlaylistWith(track.id)
  const recorder = await ann.recordEvents(`playlist:${playlistId}`)
  const lengthFor = async (person: Person) => (await person.call(getPlaylist, { playlistId })).durationMs
  const changes = { trackId: track.id, itemIds, isDeleted: false }
  for (const { change, shown, durationMs } of [
    { change: { title: 'Second' }, shown: { title: 'Second' }, durationMs: 7_000 },
    { change: { visibility: 'private' as const }, shown: null, durationMs: 0 },
    { change: { visibility: 'public' as const }, shown: { title: 'Second' }, durationMs: 7_000 },
  ]) {
    const before = trackChanges(recorder, playlistId).length
    await ann.call(updateTrack, { trackId: track.id, ...change })
    await testApp.runJobs()
    await waitUntil(() => trackChanges(recorder, playlistId).length > before)
    expect(trackChanges(recorder, playlistId).at(-1)).toMatchObject({ ...changes, track: shown })
    expect(await lengthFor(bob)).toBe(durationMs)
  }
  await ann.call(deleteTrack, { trackId: track.id })
  await testApp.runJobs()
  await recorder.waitFor('playlists.itemTrackChanged', ({ isDeleted }) => isDeleted === true)
  expect(trackChanges(recorder, playlistId).at(-1)).toMatchObject({ ...changes, isDeleted: true, track: null })
  // The owner still sees the item, to remove it; nobody else does.
  expect((await bob.call(getPlaylist, { playlistId })).items.map(({ itemId }) => itemId)).toEqual(itemIds)
  expect((await ann.call(getPlaylist, { playlistId })).items).toEqual([])
})

it('collapses changes of a track before the job runs into one event with its latest state', async () => {
  const track = await makeTrack(ann.id, { title: 'Nought' })
  const { playlistId } = await createPlaylistWith(track.id)
  const recorder = await ann.recordEvents(`playlist:${playlistId}`)
  for (const title of ['One', 'Two', 'Three']) await ann.call(updateTrack, { trackId: track.id, title })
  await testApp.runJobs()
  await recorder.waitFor('playlists.itemTrackChanged')
  expect(trackChanges(recorder, playlistId)).toMatchObject([{ track: { title: 'Three' } }])
})

it('publishes to many playlists in batches, once to each', async () => {
  const track = await makeTrack(ann.id)
  const count = 2 * playlistsPerBatch + 3
  const now = new Date()
  const ids = Array.from({ length: count }, () => newId(now))
  const rows = { ownerId: bob.id, title: 'One of many', createdAt: now, updatedAt: now }
  await Playlist.bulkCreate(ids.map(id => ({ id, ...rows, visibility: 'public' as const })))
  const item = { trackId: track.id, addedBy: bob.id, rank: 'V', addedAt: now }
  await PlaylistItem.bulkCreate(ids.map(playlistId => ({ id: newId(now), playlistId, ...item })))
  const owner = await bob.recordEvents(`user:${bob.id}`)
  await replaceAudioDirectly(testApp, { trackId: track.id, ownerId: ann.id, durationMs: 2_000 })
  await testApp.runJobs()
  const last = [...ids].sort().at(-1) ?? ''
  await owner.waitFor('playlists.itemTrackChanged', data => data.playlistId === last)
  const recorder = owner.events.filter(({ data }) => data.trackId === track.id).map(({ data }) => data.playlistId)
  expect(recorder).toHaveLength(count)
  expect(new Set(recorder)).toEqual(new Set(ids))
})

it('misses no playlist to which the track is added concurrently', async () => {
  for (let round = 0; round < 6; round += 1) {
    const track = await makeTrack(ann.id, { durationMs: 9_000 })
    const { playlistId } = await createPlaylistWith()
    const recorder = await ann.recordEvents(`playlist:${playlistId}`)
    const adding = Array.from({ length: 4 }, () => bob.call(addItem, { playlistId, trackId: track.id }))
    await replaceAudioDirectly(testApp, { trackId: track.id, ownerId: ann.id, durationMs: 1_000 })
    await Promise.all([testApp.runJobs(), ...adding])
    await testApp.runJobs()
    // The duration of each item that a follower shows after the last event.
    const shown = new Map<string, number>()
    for (const { name, data } of await recorder.waitForAll(testApp.app)) {
      const { item, itemIds, track: changed } = data as unknown as TrackChangedData
      if (name === 'playlists.itemAdded' && item !== undefined) shown.set(item.itemId, item.track.durationMs)
      if (name === 'playlists.itemTrackChanged') for (const id of itemIds ?? []) shown.set(id, changed?.durationMs ?? 0)
    }
    expect([...shown.values()]).toEqual([1_000, 1_000, 1_000, 1_000])
  }
})

it('publishes the final state of the track last, although a lock on the playlist delays both jobs', async () => {
  for (let round = 0; round < 4; round += 1) {
    const track = await makeTrack(ann.id, { title: 'Nought' })
    const { playlistId } = await createPlaylistWith(track.id)
    const recorder = await ann.recordEvents(`playlist:${playlistId}`)
    const jobRuns: Promise<void>[] = []
    await testApp.app.db.transaction(async () => {
      await Playlist.findByPk(playlistId, { lock: Transaction.LOCK.UPDATE })
      for (const title of ['One', 'Two']) {
        await ann.call(updateTrack, { trackId: track.id, title })
        jobRuns.push(testApp.runJobs())
        await waitUntil(async () => (await countLockWaits()) === jobRuns.length)
      }
    })
    await Promise.all(jobRuns)
    await recorder.waitForAll(testApp.app)
    expect(trackChanges(recorder, playlistId).at(-1)).toMatchObject({ track: { title: 'Two' } })
  }
})

/** Counts the statements that wait for a lock. */
const countLockWaits = async (): Promise<number> =>
  (
    await testApp.app.db.readCommitted({
      name: 'waiting',
      text: `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      values: [],
    })
  ).length

interface TrackChangedData {
  item?: { itemId: string; track: { durationMs: number } }
  itemIds?: string[]
  track?: { durationMs: number }
}
