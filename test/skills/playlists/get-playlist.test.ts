import { addItem } from '../../../skills/playlists/add-item'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { getPlaylist } from '../../../skills/playlists/get-playlist'
import { listProfilePlaylists } from '../../../skills/playlists/list-profile-playlists'
import { Block, type Track } from '../../../models'
import { makeTrackLinkHolder, makeTrack } from '../../factories'
import { requestOverRest, transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
let moderator: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
  moderator = await testApp.signIn('mod', { roles: ['moderator'] })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const playlistOf = async (owner: Person, tracks: readonly Track[], visibility: 'public' | 'private' = 'public') => {
  const { id: playlistId } = await owner.call(createPlaylist, { title: 'Mixed', visibility })
  for (const { id: trackId } of tracks) await owner.call(addItem, { playlistId, trackId })
  return playlistId
}

describe.each(transports)('reading a playlist over %s', transport => {
  it('lists its items in order, the same track more than once, with count and duration', async () => {
    const one = await makeTrack(ann.id, { title: 'One', durationMs: 1_000 })
    const two = await makeTrack(bob.id, { title: 'Two', durationMs: 20_000 })
    const playlistId = await playlistOf(ann, [one, two, one])
    const seen = await bob.call(getPlaylist, { playlistId }, { transport })
    expect(seen.items.map(({ track }) => track?.title)).toEqual(['One', 'Two', 'One'])
    expect(new Set(seen.items.map(({ itemId }) => itemId)).size).toBe(3)
    expect(seen).toMatchObject({ trackCount: 3, durationMs: 22_000, rev: 4, viewer: { canEdit: false } })
    expect(seen.items[0]).toMatchObject({ addedBy: { id: ann.id }, track: { viewer: { liked: false } } })
  })

  it('keeps an item for a track that the viewer may not see, without any field of it', async () => {
    const secret = await makeTrack(ann.id, { title: 'Top secret', visibility: 'private', durationMs: 5_000 })
    const open = await makeTrack(ann.id, { title: 'Open', durationMs: 1_000 })
    const unlisted = await makeTrack(ann.id, { title: 'By link', visibility: 'unlisted', durationMs: 300 })
    await makeTrackLinkHolder(unlisted.id, bob.id)
    const playlistId = await playlistOf(ann, [open, secret, unlisted])
    const own = await ann.call(getPlaylist, { playlistId }, { transport })
    const others = await bob.call(getPlaylist, { playlistId }, { transport })
    expect(own).toMatchObject({ trackCount: 3, durationMs: 6_300 })
    expect(others).toMatchObject({ trackCount: 2, durationMs: 1_300 })
    expect(others.items.map(({ track }) => track?.title ?? null)).toEqual(['Open', null, 'By link'])
    expect(others.items[1]?.itemId).toBe(own.items[1]?.itemId)
    expect(JSON.stringify(others)).not.toContain(secret.id)
    expect(JSON.stringify(others)).not.toContain('Top secret')
  })

  it('shows items of deleted tracks only to the owner, who can remove them', async () => {
    const kept = await makeTrack(bob.id, { title: 'Kept' })
    const removed = await makeTrack(bob.id, { title: 'Removed' })
    const erased = await makeTrack(bob.id, { title: 'Erased' })
    const playlistId = await playlistOf(ann, [removed, kept, erased])
    await removed.update({ deletedAt: new Date() })
    await erased.destroy()
    const titles = async (person: Person) =>
      (await person.call(getPlaylist, { playlistId }, { transport })).items.map(({ track }) => track?.title ?? null)
    expect(await titles(ann)).toEqual([null, 'Kept', null])
    expect(await titles(bob)).toEqual(['Kept'])
  })

  it('treats the tracks of a profile that blocks the viewer as private', async () => {
    const cat = await testApp.signIn(`cat-${transport}`)
    const playlistId = await playlistOf(ann, [await makeTrack(cat.id, { durationMs: 7 })])
    await Block.create({ blockerId: cat.id, blockedId: bob.id, createdAt: new Date() })
    const seen = await bob.call(getPlaylist, { playlistId }, { transport })
    expect(seen).toMatchObject({ trackCount: 0, durationMs: 0, items: [{ track: null }] })
    expect(await ann.call(getPlaylist, { playlistId }, { transport })).toMatchObject({ trackCount: 1 })
  })

  it('shows a private playlist only to its owner and to moderators', async () => {
    const playlistId = await playlistOf(ann, [], 'private')
    expect((await ann.call(getPlaylist, { playlistId }, { transport })).id).toBe(playlistId)
    expect((await moderator.call(getPlaylist, { playlistId }, { transport })).id).toBe(playlistId)
    expect(await bob.expectProblem(getPlaylist, { playlistId }, { transport })).toMatchObject({
      code: 'not_found',
    })
  })

  it('answers not_found to a profile the owner blocks', async () => {
    const dan = await testApp.signIn(`dan-${transport}`)
    const playlistId = await playlistOf(ann, [])
    await Block.create({ blockerId: ann.id, blockedId: dan.id, createdAt: new Date() })
    expect(await dan.expectProblem(getPlaylist, { playlistId }, { transport })).toMatchObject({
      code: 'not_found',
    })
  })

  it('has the same count and duration in a list, for every viewer', async () => {
    const eve = await testApp.signIn(`eve-${transport}`)
    const tracks = [
      await makeTrack(eve.id, { durationMs: 1 }),
      await makeTrack(eve.id, { durationMs: 20, visibility: 'private' }),
      await makeTrack(eve.id, { durationMs: 300, visibility: 'unlisted' }),
      await makeTrack(eve.id, { durationMs: 4_000, state: 'processing' }),
    ]
    const playlistId = await playlistOf(eve, tracks)
    await makeTrack(eve.id, { deletedAt: new Date() })
    for (const person of [eve, bob, moderator]) {
      const { items, ...alone } = await person.call(getPlaylist, { playlistId }, { transport })
      expect(items).toHaveLength(4)
      expect(await person.call(listProfilePlaylists, { profileId: eve.id }, { transport })).toEqual([alone])
    }
  })
})

it('is readable without signing in', async () => {
  const playlistId = await playlistOf(ann, [await makeTrack(ann.id, { title: 'For all' })])
  const { data, headers } = await requestOverRest(ann.url, getPlaylist, { playlistId }, {})
  expect(data).toMatchObject({ id: playlistId, items: [{ track: { title: 'For all' } }] })
  expect(data).not.toHaveProperty('viewer')
  expect(headers?.get('etag')).toBe('"2"')
})
