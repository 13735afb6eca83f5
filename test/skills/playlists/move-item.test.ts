import { newId } from '../../../kernel/pipeline/new-id'
import { addItem } from '../../../skills/playlists/add-item'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { getPlaylist } from '../../../skills/playlists/get-playlist'
import { moveItem } from '../../../skills/playlists/move-item'
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
  trackId = (await makeTrack(ann.id)).id
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** A playlist of three items, at revision 4. */
const threeItems = async () => {
  const { id: playlistId } = await ann.call(createPlaylist, { title: 'Three' })
  const add = async () => (await ann.call(addItem, { playlistId, trackId })).item.itemId
  return { playlistId, a: await add(), b: await add(), c: await add() }
}
const orderOf = async (playlistId: string) =>
  (await ann.call(getPlaylist, { playlistId })).items.map(({ itemId }) => itemId)

describe.each(transports)('moving an item over %s', transport => {
  it('puts it behind another or first; again, nothing changes and nobody hears of it', async () => {
    const { playlistId, a, b, c } = await threeItems()
    const heard = await bob.recordEvents(`playlist:${playlistId}`)
    const moved = await ann.call(moveItem, { playlistId, itemId: c, after: a }, { transport })
    expect(await orderOf(playlistId)).toEqual([a, c, b])
    expect(moved).toMatchObject({ playlistId, itemId: c, rev: 5 })
    expect(await ann.call(moveItem, { playlistId, itemId: c, after: a }, { transport })).toEqual(moved)
    expect(await ann.call(moveItem, { playlistId, itemId: c, after: c }, { transport })).toEqual(moved)

    await ann.call(moveItem, { playlistId, itemId: b, after: null }, { transport })
    expect(await orderOf(playlistId)).toEqual([b, a, c])
    const last = await heard.waitFor('playlists.itemsMoved', ({ rev }) => rev === 6)
    expect(last.data).toMatchObject({ playlistId, places: [{ itemId: b }] })
    const since = heard.events.map(({ data }) => Number(data.rev)).filter(rev => rev > 4)
    expect(since).toEqual([5, 6])
  })

  it('goes by items, so that an old revision does no harm while both are there', async () => {
    const { playlistId, a, b, c } = await threeItems()
    await ann.call(moveItem, { playlistId, itemId: a, after: c, rev: 4 }, { transport })
    await ann.call(moveItem, { playlistId, itemId: c, after: b, rev: 4 }, { transport })
    await ann.call(moveItem, { playlistId, itemId: b, after: a, rev: 4 }, { transport })
    expect(await orderOf(playlistId)).toEqual([c, a, b])
  })

  it('refuses with the order that is there when one of the two is gone', async () => {
    const { playlistId, a, b, c } = await threeItems()
    await ann.call(removeItem, { playlistId, itemId: b })
    const gone = {
      code: 'item_not_in_playlist',
      status: 409,
      current: { rev: 5, places: [{ itemId: a }, { itemId: c }] },
    }
    const behindGone = { playlistId, itemId: c, after: b }
    expect(await ann.expectProblem(moveItem, behindGone, { transport })).toMatchObject(gone)
    expect(await ann.expectProblem(moveItem, { ...behindGone, rev: 4 }, { transport })).toMatchObject(gone)
    expect(await ann.expectProblem(moveItem, { playlistId, itemId: b, after: a, rev: 4 }, { transport })).toMatchObject(
      gone,
    )
    expect((await ann.expectProblem(moveItem, { playlistId, itemId: b, after: a }, { transport })).code).toBe(
      'not_found',
    )
    expect(await orderOf(playlistId)).toEqual([a, c])
  })

  it('knows only items of its own playlist, and only its owner', async () => {
    const mine = await threeItems()
    const other = await threeItems()
    const wish = { playlistId: mine.playlistId, itemId: mine.a, after: mine.c }
    expect((await bob.expectProblem(moveItem, wish, { transport })).code).toBe('forbidden')
    expect((await ann.expectProblem(moveItem, { ...wish, itemId: other.a }, { transport })).code).toBe('not_found')
    expect((await ann.expectProblem(moveItem, { ...wish, after: other.a }, { transport })).code).toBe(
      'item_not_in_playlist',
    )
    const nowhere = { ...wish, playlistId: newId(new Date()) }
    expect((await ann.expectProblem(moveItem, nowhere, { transport })).code).toBe('not_found')
    expect((await ann.expectProblem(moveItem, { ...wish, after: 'first' }, { transport })).code).toBe('invalid_input')
  })

  it('loses and doubles nothing when many move at once', async () => {
    const { playlistId, a, b, c } = await threeItems()
    const wishes = [
      [a, c],
      [c, b],
      [b, null],
      [a, b],
      [c, null],
    ] as const
    await Promise.all(wishes.map(([itemId, after]) => ann.call(moveItem, { playlistId, itemId, after }, { transport })))
    expect((await orderOf(playlistId)).toSorted()).toEqual([a, b, c].toSorted())
  })
})
