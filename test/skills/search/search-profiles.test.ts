import { Block, Profile } from '../../../models'
import { searchProfiles } from '../../../skills/search/search-profiles'
import { requestOverRest, transports, type Transport, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  bob = await testApp.signIn('bob')
  await makePerson('clara_s', 'Clara Schumann')
  await makePerson('fanny', 'Fanny Hensel')
  await makePerson('hensel', 'Somebody Else')
  await makePerson('a_b', 'Low Line')
  await makePerson('axb', 'High Line')
})
afterAll(() => testApp[Symbol.asyncDispose]())

async function makePerson(handle: string, displayName: string): Promise<Person> {
  const person = await testApp.signIn(handle)
  await Profile.update({ handle, displayName }, { where: { id: person.id } })
  return person
}

const handlesFor = async (q: string, transport: Transport, person = bob) =>
  (await person.call(searchProfiles, { q }, { transport })).map(({ handle }) => handle)

describe.each(transports)('searching profiles over %s', transport => {
  it.each([
    ['clara', ['clara_s']],
    ['CLARA_S', ['clara_s']],
    ['@clara_s', ['clara_s']],
    ['schuman', ['clara_s']],
    ['hensel', ['hensel', 'fanny']],
    ['a_', ['a_b']],
    ['%', []],
    ['@', []],
    ['\\', []],
    ['nobody at all', []],
  ])('finds for %j: %j', async (q, handles) => {
    expect(await handlesFor(q, transport)).toEqual(handles)
  })

  it('leaves out profiles across a block, in both directions', async () => {
    const one = await makePerson(`wanda_one_${transport}`, 'Wanda')
    const two = await makePerson(`wanda_two_${transport}`, 'Wanda')
    const me = await makePerson(`wanda_me_${transport}`, 'Wanda')
    const q = 'wanda'
    const all = [one, two, me].map(({ name }) => name)
    const seen = async (person: Person) =>
      (await handlesFor(q, transport, person)).filter(handle => all.includes(handle))
    expect((await seen(me)).toSorted()).toEqual(all.toSorted())
    await Block.create({ blockerId: one.id, blockedId: me.id, createdAt: new Date() })
    await Block.create({ blockerId: me.id, blockedId: two.id, createdAt: new Date() })
    expect(await seen(me)).toEqual([me.name])
    expect((await seen(one)).toSorted()).toEqual([one.name, two.name].toSorted())
  })

  it('continues where a page ended', async () => {
    for (const digit of [1, 2, 3]) await makePerson(`otter${digit}_${transport}`, `Otter ${transport}`)
    const first = await bob.request(searchProfiles, { q: `otter ${transport}`, limit: 2 }, { transport })
    const cursor = first.page?.next ?? ''
    const second = await bob.request(searchProfiles, { q: `otter ${transport}`, limit: 2, cursor }, { transport })
    const handles = [first, second].flatMap(({ data }) => (data as { handle: string }[]).map(({ handle }) => handle))
    expect(handles).toEqual([`otter3_${transport}`, `otter2_${transport}`, `otter1_${transport}`])
    expect(second.page?.hasMore).toBe(false)
  })

  it.each([[{ q: '' }], [{ q: 'x'.repeat(101) }], [{}]])('refuses %j', async input => {
    expect(await bob.expectProblem(searchProfiles, input, { transport })).toMatchObject({ code: 'invalid_input' })
  })
})

it('is possible without signing in', async () => {
  const { data } = await requestOverRest(bob.url, searchProfiles, { q: 'fanny' }, {})
  expect(data).toEqual([
    { id: expect.any(String) as string, handle: 'fanny', displayName: 'Fanny Hensel', avatar: null },
  ])
})
