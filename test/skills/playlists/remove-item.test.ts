import { addItem } from '../../../skills/playlists/add-item'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { getPlaylist } from '../../../skills/playlists/get-playlist'
import { removeItem } from '../../../skills/playlists/remove-item'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
let trackId: string
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
  trackId = (await makeTrack(bob.id)).id
})
afterAll(() => testApp[Symbol.asyncDispose]())

const playlistOfTwo = async () => {
  const { id: playlistId } = await ann.call(createPlaylist, { title: 'Two' })
  const add = async () => (await ann.call(addItem, { playlistId, trackId })).item.itemId
  return { playlistId, a: await add(), b: await add() }
}

describe.each(transports)('removing an item over %s', transport => {
  it('removes that item and not another of the same track, once, with one event', async () => {
    const { playlistId, a, b } = await playlistOfTwo()
    const recorder = await bob.recordEvents(`playlist:${playlistId}`)
    const answers = await Promise.all(
      [1, 2, 3].map(() => ann.call(removeItem, { playlistId, itemId: a }, { transport })),
    )
    for (const answer of answers) expect(answer).toEqual({ playlistId, itemId: a, rev: 4 })
    expect(await ann.call(getPlaylist, { playlistId })).toMatchObject({ rev: 4, items: [{ itemId: b }] })
    await ann.call(removeItem, { playlistId, itemId: b }, { transport })
    await recorder.waitFor('playlists.itemRemoved', ({ itemId }) => itemId === b)
    const removals = recorder.events.filter(({ name }) => name === 'playlists.itemRemoved')
    expect(removals.map(({ data }) => [data.itemId, data.rev])).toEqual([
      [a, 4],
      [b, 5],
    ])
  })

  it('removes the item of a deleted track', async () => {
    const track = await makeTrack(bob.id)
    const { id: playlistId } = await ann.call(createPlaylist, { title: 'Gone' })
    const { item } = await ann.call(addItem, { playlistId, trackId: track.id })
    await track.destroy()
    await ann.call(removeItem, { playlistId, itemId: item.itemId }, { transport })
    expect((await ann.call(getPlaylist, { playlistId })).items).toEqual([])
  })

  it('accepts only items of the same playlist, and only its owner', async () => {
    const mine = await playlistOfTwo()
    const other = await playlistOfTwo()
    expect(
      (await bob.expectProblem(removeItem, { playlistId: mine.playlistId, itemId: mine.a }, { transport })).code,
    ).toBe('forbidden')
    await ann.call(removeItem, { playlistId: mine.playlistId, itemId: other.a }, { transport })
    expect((await ann.call(getPlaylist, { playlistId: other.playlistId })).items).toHaveLength(2)
  })
})
