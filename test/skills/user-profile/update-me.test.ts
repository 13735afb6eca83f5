import { getMe } from '../../../skills/user-profile/get-me'
import { getProfile } from '../../../skills/user-profile/get-profile'
import { updateMe } from '../../../skills/user-profile/update-me'
import { doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

const monthMs = 31 * 86_400_000

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(doors)('changing your own profile over %s', door => {
  it('changes what was given, trimmed, and tells your other devices once', async () => {
    const eve = await world.person(`eve_${door}`)
    const heard = await eve.hear(`user:${eve.id}`)
    const before = await eve.call(getMe, {}, { door })
    const changed = await eve.call(updateMe, { displayName: '  Eve  ', bio: 'Plays bass.\nSings.' }, { door })
    expect(changed).toEqual({ ...before, displayName: 'Eve', bio: 'Plays bass.\nSings.', rev: before.rev + 1 })

    expect(await eve.call(updateMe, { displayName: 'Eve' }, { door })).toEqual(changed)
    expect(await eve.call(updateMe, { bio: '' }, { door })).toMatchObject({ bio: '', displayName: 'Eve' })
    await heard.first('user-profile.profileChanged', ({ profile }) => (profile as { bio: string }).bio === '')
    const { viewer, ...facts } = changed
    expect(viewer).toMatchObject({ isSelf: true })
    expect(heard.events.map(({ data }) => data)).toEqual([
      { profile: facts },
      { profile: { ...facts, bio: '', rev: facts.rev + 1 } },
    ])
  })

  it('refuses who has seen an older revision, and shows what is there', async () => {
    const eve = await world.person(`old_${door}`)
    const { rev } = await eve.call(updateMe, { bio: 'first' }, { door })
    const problem = await eve.refused(updateMe, { bio: 'second', rev: rev - 1 }, { door })
    expect(problem).toMatchObject({ code: 'stale_revision', current: { bio: 'first', rev } })
    expect(await eve.call(updateMe, { bio: 'second', rev }, { door })).toMatchObject({ bio: 'second', rev: rev + 1 })
  })

  it.each(['ab', 'a'.repeat(31), 'no-dash', 'no space', 'ünder'])('refuses the handle %p', async handle => {
    const eve = await world.person(`form_${door}`)
    const { code, errors } = await eve.refused(updateMe, { handle }, { door })
    expect({ code, paths: new Set(errors?.map(({ path }) => path)) }).toEqual({
      code: 'invalid_input',
      paths: new Set(['handle']),
    })
  })

  it('refuses a handle that is reserved, however it is written', async () => {
    const eve = await world.person(`form_${door}`)
    expect(await eve.refused(updateMe, { handle: 'AdMin' }, { door })).toMatchObject({
      code: 'invalid_input',
      errors: [{ path: 'handle', code: 'reserved' }],
    })
  })

  it('refuses a handle that somebody else has, however it is written', async () => {
    const eve = await world.person(`one_${door}`)
    await world.person(`two_${door}`)
    const problem = await eve.refused(updateMe, { handle: `TWO_${door}` }, { door })
    expect(problem).toMatchObject({ code: 'handle_taken', status: 409 })
    expect(await eve.call(updateMe, { handle: `ONE_${door}` }, { door })).toMatchObject({ handle: `ONE_${door}` })
  })
})

it('gives a wanted handle to one of many who ask at once', async () => {
  const crowd = await Promise.all(Array.from({ length: 6 }, (_, index) => world.person(`racer${index}`)))
  const replies = await Promise.all(crowd.map(one => one.ask(updateMe, { handle: 'Winner' })))
  expect(replies.filter(({ error }) => error === undefined)).toHaveLength(1)
  expect(new Set(replies.flatMap(({ error }) => error?.code ?? []))).toEqual(new Set(['handle_taken']))
})

it('lets two swap nothing: each handle stays with its owner when both ask at once', async () => {
  const [left, right] = [await world.person('lefty'), await world.person('righty')]
  const replies = await Promise.all([
    left.ask(updateMe, { handle: 'righty' }),
    right.ask(updateMe, { handle: 'lefty' }),
  ])
  expect(replies.map(({ error }) => error?.code)).toEqual(['handle_taken', 'handle_taken'])
})

it('keeps a handle that was given up: it leads to its owner, and is free for others only later', async () => {
  const fay = await world.person('fay')
  const gus = await world.person('gus')
  await fay.call(updateMe, { handle: 'fay_new' })
  expect(await gus.call(getProfile, { handleOrId: 'FAY' })).toMatchObject({ id: fay.id, handle: 'fay_new' })
  expect(await gus.refused(updateMe, { handle: 'Fay' })).toMatchObject({ code: 'handle_taken' })
  const newcomer = await world.person('Fay', { claims: { sub: 'another-fay', preferred_username: 'fay' } })
  expect((await newcomer.call(getMe, {})).handle).toMatch(/^fay\d+$/)

  world.clock.advance(monthMs)
  const late = await world.person('gus')
  expect(await late.call(updateMe, { handle: 'Fay' })).toMatchObject({ handle: 'Fay' })
  expect(await late.call(getProfile, { handleOrId: 'fay' })).toMatchObject({ id: gus.id })
})

it('lets its owner take a given up handle back, and keeps only a few of them', async () => {
  const hoarder = await world.person('hoard0')
  for (let index = 1; index <= 7; index += 1) {
    world.clock.advance(1_000)
    await hoarder.call(updateMe, { handle: `hoard${index}` })
  }
  const rival = await world.person('rival')
  expect(await rival.refused(updateMe, { handle: 'hoard2' })).toMatchObject({ code: 'handle_taken' })
  expect(await rival.call(updateMe, { handle: 'hoard1' })).toMatchObject({ handle: 'hoard1' })
  expect(await hoarder.call(updateMe, { handle: 'hoard2' })).toMatchObject({ handle: 'hoard2' })
})
