import { newId } from '../../../kernel/pipeline/new-id'
import { Block, type Track } from '../../../models'
import { searchTracks } from '../../../skills/search/search-tracks'
import { makeTrack } from '../../factories'
import { requestOverRest, transports, type Transport, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
  const titles = [
    'Midnight Train',
    'The Midnight Hour',
    'Midnight',
    'Morning Sun',
    '100% Pure',
    '100 Pure',
    'under_score',
    'underXscore',
    'Don\'t "stop" \\ now',
    'Ñandú corre',
    'Белые ночи',
    '夜想曲',
  ]
  for (const title of titles) await makeTrack(ann.id, { title })
  await makeTrack(ann.id, { title: 'Untitled', genre: 'Dub Techno' })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const titlesFor = async (q: string, transport: Transport = 'rest', person = bob) =>
  (await person.call(searchTracks, { q }, { transport })).map(({ title }) => title)

describe.each(transports)('searching tracks over %s', transport => {
  it('ranks the exact title first, then titles that begin with it, then titles that contain it', async () => {
    expect(await titlesFor('midnight', transport)).toEqual(['Midnight', 'Midnight Train', 'The Midnight Hour'])
    expect((await titlesFor('MIDN', transport)).toSorted()).toEqual(['Midnight', 'Midnight Train', 'The Midnight Hour'])
  })

  it('shows each as every read does, with the viewer field', async () => {
    const [found] = await bob.call(searchTracks, { q: 'morning sun' }, { transport })
    expect(found).toMatchObject({ title: 'Morning Sun', owner: { id: ann.id }, viewer: { liked: false } })
  })

  it.each([
    ['midnigt', 'Midnight'],
    ['mornin', 'Morning Sun'],
    ['m', 'Midnight'],
    ['dub techno', 'Untitled'],
    ['ñandú', 'Ñandú corre'],
    ['БЕЛЫЕ', 'Белые ночи'],
    ['夜', '夜想曲'],
    ['  sun  ', 'Morning Sun'],
  ])('finds for %j among others %j', async (q, title) => {
    expect(await titlesFor(q, transport)).toContain(title)
  })

  it.each([
    ['100%', '100% Pure'],
    ['under_', 'under_score'],
    ['don\'t "stop" \\', 'Don\'t "stop" \\ now'],
    ['\\', 'Don\'t "stop" \\ now'],
    ['%', undefined],
    ['_', undefined],
    ["'", undefined],
    ["'; drop table tracks; --", undefined],
    ['nothing like it', undefined],
  ])('takes %j literally: the first result is %j', async (q, title) => {
    expect((await titlesFor(q, transport))[0]).toBe(title)
  })

  it.each([
    [{ q: '' }],
    [{ q: '   ' }],
    [{ q: 'x'.repeat(101) }],
    [{}],
    [{ q: 'a', limit: 0 }],
    [{ q: 'a', cursor: 'AAAA' }],
  ])('refuses %j', async input => {
    expect(await bob.expectProblem(searchTracks, input, { transport })).toMatchObject({ code: 'invalid_input' })
  })

  it('leaves out tracks that are not listed and tracks across a block', async () => {
    const [cat, dan] = [await testApp.signIn(`cat-${transport}`), await testApp.signIn(`dan-${transport}`)]
    const word = `zephyr${transport}`
    const hidden: Partial<Track['_creationAttributes']>[] = [
      { visibility: 'private' },
      { visibility: 'unlisted' },
      { state: 'processing' },
      { state: 'failed' },
      { deletedAt: new Date() },
    ]
    for (const options of hidden) await makeTrack(cat.id, { title: word, ...options })
    await makeTrack(cat.id, { title: `${word} open` })
    expect(await titlesFor(word, transport, dan)).toEqual([`${word} open`])
    expect(await titlesFor(word, transport, cat)).toEqual([`${word} open`])

    await Block.create({ blockerId: cat.id, blockedId: dan.id, createdAt: new Date() })
    expect(await titlesFor(word, transport, dan)).toEqual([])
    await Block.destroy({ where: { blockerId: cat.id } })
    await Block.create({ blockerId: dan.id, blockedId: cat.id, createdAt: new Date() })
    expect(await titlesFor(word, transport, dan)).toEqual([])
    expect(await titlesFor(word, transport, bob)).toEqual([`${word} open`])
  })

  it('continues where a page ended, although tracks are published meanwhile', async () => {
    const word = `quokka${transport}`
    // Of equal scores the newest comes first. Ids of one millisecond have no order, so each gets its own millisecond.
    const lately = Date.now() - 60_000
    for (const [ms, letter] of ['a', 'b', 'c', 'd', 'e'].entries())
      await makeTrack(ann.id, { id: newId(new Date(lately + ms)), title: `${word} ${letter}` })
    const seen: string[] = []
    for (let cursor: string | undefined; ;) {
      const reply = await bob.request(
        searchTracks,
        { q: word, limit: 2, ...(cursor === undefined ? {} : { cursor }) },
        { transport },
      )
      seen.push(...(reply.data as { title: string }[]).map(({ title }) => title))
      await makeTrack(ann.id, { title: `${word} f` })
      cursor = reply.page?.next ?? undefined
      if (cursor === undefined) break
    }
    expect(seen).toEqual(['e', 'd', 'c', 'b', 'a'].map(title => `${word} ${title}`))
  })
})

it('is possible without signing in', async () => {
  const { data, page } = await requestOverRest(ann.url, searchTracks, { q: 'morning' }, {})
  expect(data).toMatchObject([{ title: 'Morning Sun' }])
  expect(data).not.toHaveProperty('0.viewer')
  expect(page).toEqual({ next: null, hasMore: false })
})
