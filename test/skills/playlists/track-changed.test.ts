import { Transaction } from 'sequelize'
import { newId } from '../../../kernel/ids'
import { Playlist, PlaylistItem } from '../../../models'
import { addItem } from '../../../skills/playlists/add-item'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { getPlaylist } from '../../../skills/playlists/get-playlist'
import { playlistsPerBatch } from '../../../skills/playlists/tell-of-track'
import { updatePlaylist } from '../../../skills/playlists/update-playlist'
import { removeTrack } from '../../../skills/music-upload/remove-track'
import { updateTrack } from '../../../skills/music-upload/update-track'
import { makeTrack } from '../../factories'
import { until } from '../../kernel/until'
import { doors, type Ear, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { bringAudio } from '../music-upload/bring-audio'

let world: TestWorld
let ann: Person
let bob: Person
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann')
  bob = await world.person('bob')
})
afterAll(() => world[Symbol.asyncDispose]())

async function listOf(...trackIds: string[]) {
  const { id: playlistId } = await bob.call(createPlaylist, { title: 'Late' })
  const itemIds: string[] = []
  for (const trackId of trackIds) itemIds.push((await bob.call(addItem, { playlistId, trackId })).item.itemId)
  return { playlistId, itemIds }
}

const told = ({ events }: Ear, playlistId: string) =>
  events.flatMap(({ name, data }) =>
    name === 'playlists.trackChanged' && data.playlistId === playlistId ? [data] : [],
  )

it('whoever follows a playlist hears how long it is after the audio of a track was replaced', async () => {
  const [one, two] = [await makeTrack(ann.id, { durationMs: 5_000 }), await makeTrack(ann.id, { durationMs: 300 })]
  const { playlistId, itemIds } = await listOf(one.id, two.id, one.id)
  const heard = await ann.hear(`playlist:${playlistId}`)
  const before = await ann.call(getPlaylist, { playlistId })
  expect(before.durationMs).toBe(10_300)

  const audioVersion = await bringAudio(world, { trackId: one.id, ownerId: ann.id, durationMs: 2_000 })
  await world.work()
  const { data } = await heard.first('playlists.trackChanged')
  expect(data).toMatchObject({ playlistId, trackId: one.id, track: { id: one.id, audioVersion, durationMs: 2_000 } })
  expect((data.itemIds as string[]).sort()).toEqual([itemIds[0], itemIds[2]].sort())
  for (const door of doors) {
    const after = await ann.call(getPlaylist, { playlistId }, { door })
    expect(after).toMatchObject({ durationMs: 4_300, trackCount: 3, rev: before.rev, updatedAt: before.updatedAt })
  }
})

it('tells of a private playlist its owner alone, and of a track that is not listed no more than its id', async () => {
  const track = await makeTrack(bob.id)
  const [open, closed] = [await listOf(track.id), await listOf(track.id)]
  const [follower, owner] = [await ann.hear(`playlist:${closed.playlistId}`), await bob.hear(`user:${bob.id}`)]
  await bob.call(updatePlaylist, { playlistId: closed.playlistId, visibility: 'private' })
  await bringAudio(world, { trackId: track.id, ownerId: bob.id, durationMs: 2_000 })
  await world.work()
  for (const { playlistId } of [open, closed])
    await owner.first('playlists.trackChanged', data => data.playlistId === playlistId)
  expect(told(follower, closed.playlistId)).toEqual([])

  await bob.call(updateTrack, { trackId: track.id, visibility: 'unlisted' })
  await world.work()
  const listener = await ann.hear(`playlist:${open.playlistId}`)
  await bringAudio(world, { trackId: track.id, ownerId: bob.id, durationMs: 3_000 })
  await world.work()
  const { data } = await listener.first('playlists.trackChanged')
  expect(data).toMatchObject({ trackId: track.id, itemIds: open.itemIds, track: null })
})

it('tells a new title, that a track may not be seen any more, that it may be again, and that it is gone', async () => {
  const track = await makeTrack(ann.id, { durationMs: 7_000, title: 'First' })
  const { playlistId, itemIds } = await listOf(track.id)
  const heard = await ann.hear(`playlist:${playlistId}`)
  const lengthFor = async (person: Person) => (await person.call(getPlaylist, { playlistId })).durationMs
  const changes = { trackId: track.id, itemIds, isGone: false }
  for (const { change, shown, durationMs } of [
    { change: { title: 'Second' }, shown: { title: 'Second' }, durationMs: 7_000 },
    { change: { visibility: 'private' as const }, shown: null, durationMs: 0 },
    { change: { visibility: 'public' as const }, shown: { title: 'Second' }, durationMs: 7_000 },
  ]) {
    const before = told(heard, playlistId).length
    await ann.call(updateTrack, { trackId: track.id, ...change })
    await world.work()
    await until(() => told(heard, playlistId).length > before)
    expect(told(heard, playlistId).at(-1)).toMatchObject({ ...changes, track: shown })
    expect(await lengthFor(bob)).toBe(durationMs)
  }
  await ann.call(removeTrack, { trackId: track.id })
  await world.work()
  await heard.first('playlists.trackChanged', ({ isGone }) => isGone === true)
  expect(told(heard, playlistId).at(-1)).toMatchObject({ ...changes, isGone: true, track: null })
  // Its owner can still take the place out; nobody else has it.
  expect((await bob.call(getPlaylist, { playlistId })).items.map(({ itemId }) => itemId)).toEqual(itemIds)
  expect((await ann.call(getPlaylist, { playlistId })).items).toEqual([])
})

it('tells once of what happens to a track before a worker takes it up, and then how it is', async () => {
  const track = await makeTrack(ann.id, { title: 'Nought' })
  const { playlistId } = await listOf(track.id)
  const heard = await ann.hear(`playlist:${playlistId}`)
  for (const title of ['One', 'Two', 'Three']) await ann.call(updateTrack, { trackId: track.id, title })
  await world.work()
  await heard.first('playlists.trackChanged')
  expect(told(heard, playlistId)).toMatchObject([{ track: { title: 'Three' } }])
})

it('tells of many playlists, each once, batch after batch', async () => {
  const track = await makeTrack(ann.id)
  const count = 2 * playlistsPerBatch + 3
  const now = new Date()
  const ids = Array.from({ length: count }, () => newId(now))
  const rows = { ownerId: bob.id, title: 'One of many', createdAt: now, updatedAt: now }
  await Playlist.bulkCreate(ids.map(id => ({ id, ...rows, visibility: 'public' as const })))
  const item = { trackId: track.id, addedBy: bob.id, rank: 'V', addedAt: now }
  await PlaylistItem.bulkCreate(ids.map(playlistId => ({ id: newId(now), playlistId, ...item })))
  const owner = await bob.hear(`user:${bob.id}`)
  await bringAudio(world, { trackId: track.id, ownerId: ann.id, durationMs: 2_000 })
  await world.work()
  const last = [...ids].sort().at(-1) ?? ''
  await owner.first('playlists.trackChanged', data => data.playlistId === last)
  const heard = owner.events.filter(({ data }) => data.trackId === track.id).map(({ data }) => data.playlistId)
  expect(heard).toHaveLength(count)
  expect(new Set(heard)).toEqual(new Set(ids))
})

it('misses no playlist to which the track is added at that very moment', async () => {
  for (let round = 0; round < 6; round += 1) {
    const track = await makeTrack(ann.id, { durationMs: 9_000 })
    const { playlistId } = await listOf()
    const heard = await ann.hear(`playlist:${playlistId}`)
    const adding = Array.from({ length: 4 }, () => bob.call(addItem, { playlistId, trackId: track.id }))
    await bringAudio(world, { trackId: track.id, ownerId: ann.id, durationMs: 1_000 })
    await Promise.all([world.work(), ...adding])
    await world.work()
    // What a follower shows of each item in the end.
    const shown = new Map<string, number>()
    for (const { name, data } of await heard.all(world.world)) {
      const { item, itemIds, track: changed } = data as unknown as Told
      if (name === 'playlists.itemAdded' && item !== undefined) shown.set(item.itemId, item.track.durationMs)
      if (name === 'playlists.trackChanged') for (const id of itemIds ?? []) shown.set(id, changed?.durationMs ?? 0)
    }
    expect([...shown.values()]).toEqual([1_000, 1_000, 1_000, 1_000])
  }
})

it('tells last how the track is in the end, though an editor of the playlist held up who tells', async () => {
  for (let round = 0; round < 4; round += 1) {
    const track = await makeTrack(ann.id, { title: 'Nought' })
    const { playlistId } = await listOf(track.id)
    const heard = await ann.hear(`playlist:${playlistId}`)
    const telling: Promise<void>[] = []
    await world.world.db.transaction(async () => {
      await Playlist.findByPk(playlistId, { lock: Transaction.LOCK.UPDATE })
      for (const title of ['One', 'Two']) {
        await ann.call(updateTrack, { trackId: track.id, title })
        telling.push(world.work())
        await until(async () => (await waiting()) === telling.length)
      }
    })
    await Promise.all(telling)
    await heard.all(world.world)
    expect(told(heard, playlistId).at(-1)).toMatchObject({ track: { title: 'Two' } })
  }
})

/** Statements of those who wait for a row that somebody else holds. */
const waiting = async (): Promise<number> =>
  (
    await world.world.db.read({
      name: 'waiting',
      text: `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      values: [],
    })
  ).length

interface Told {
  item?: { itemId: string; track: { durationMs: number } }
  itemIds?: string[]
  track?: { durationMs: number }
}
