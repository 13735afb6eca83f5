import { getMe } from '../../../skills/user-profile/get-me'
import { getProfile } from '../../../skills/user-profile/get-profile'
import { updateMe } from '../../../skills/user-profile/update-me'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

const monthMs = 31 * 86_400_000

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe.each(transports)("updating one's profile over %s", transport => {
  it('changes the given fields, trimmed, and notifies the other devices once', async () => {
    const eve = await testApp.signIn(`eve_${transport}`)
    const recorder = await eve.recordEvents(`user:${eve.id}`)
    const before = await eve.call(getMe, {}, { transport })
    const changed = await eve.call(updateMe, { displayName: '  Eve  ', bio: 'Plays bass.\nSings.' }, { transport })
    expect(changed).toEqual({ ...before, displayName: 'Eve', bio: 'Plays bass.\nSings.', rev: before.rev + 1 })

    expect(await eve.call(updateMe, { displayName: 'Eve' }, { transport })).toEqual(changed)
    expect(await eve.call(updateMe, { bio: '' }, { transport })).toMatchObject({ bio: '', displayName: 'Eve' })
    await recorder.waitFor('user-profile.profileChanged', ({ profile }) => (profile as { bio: string }).bio === '')
    const { viewer, ...fields } = changed
    expect(viewer).toMatchObject({ isSelf: true })
    expect(recorder.events.map(({ data }) => data)).toEqual([
      { profile: fields },
      { profile: { ...fields, bio: '', rev: fields.rev + 1 } },
    ])
  })

  it('refuses an older revision, and answers with the current profile', async () => {
    const eve = await testApp.signIn(`old_${transport}`)
    const { rev } = await eve.call(updateMe, { bio: 'first' }, { transport })
    const problem = await eve.expectProblem(updateMe, { bio: 'second', rev: rev - 1 }, { transport })
    expect(problem).toMatchObject({ code: 'stale_revision', current: { bio: 'first', rev } })
    expect(await eve.call(updateMe, { bio: 'second', rev }, { transport })).toMatchObject({
      bio: 'second',
      rev: rev + 1,
    })
  })

  it.each(['ab', 'a'.repeat(31), 'no-dash', 'no space', 'ünder'])('refuses the handle %p', async handle => {
    const eve = await testApp.signIn(`form_${transport}`)
    const { code, errors } = await eve.expectProblem(updateMe, { handle }, { transport })
    expect({ code, paths: new Set(errors?.map(({ path }) => path)) }).toEqual({
      code: 'invalid_input',
      paths: new Set(['handle']),
    })
  })

  it('refuses a reserved handle, in upper or lower case', async () => {
    const eve = await testApp.signIn(`form_${transport}`)
    expect(await eve.expectProblem(updateMe, { handle: 'AdMin' }, { transport })).toMatchObject({
      code: 'invalid_input',
      errors: [{ path: 'handle', code: 'reserved' }],
    })
  })

  it('refuses a taken handle, in upper or lower case', async () => {
    const eve = await testApp.signIn(`one_${transport}`)
    await testApp.signIn(`two_${transport}`)
    const problem = await eve.expectProblem(updateMe, { handle: `TWO_${transport}` }, { transport })
    expect(problem).toMatchObject({ code: 'handle_taken', status: 409 })
    expect(await eve.call(updateMe, { handle: `ONE_${transport}` }, { transport })).toMatchObject({
      handle: `ONE_${transport}`,
    })
  })
})

it('gives a handle to exactly one of several concurrent requests', async () => {
  const crowd = await Promise.all(Array.from({ length: 6 }, (_, index) => testApp.signIn(`racer${index}`)))
  const replies = await Promise.all(crowd.map(one => one.request(updateMe, { handle: 'Winner' })))
  expect(replies.filter(({ error }) => error === undefined)).toHaveLength(1)
  expect(new Set(replies.flatMap(({ error }) => error?.code ?? []))).toEqual(new Set(['handle_taken']))
})

it('swaps no handles: each stays with its owner when both request the other one at once', async () => {
  const [left, right] = [await testApp.signIn('lefty'), await testApp.signIn('righty')]
  const replies = await Promise.all([
    left.request(updateMe, { handle: 'righty' }),
    right.request(updateMe, { handle: 'lefty' }),
  ])
  expect(replies.map(({ error }) => error?.code)).toEqual(['handle_taken', 'handle_taken'])
})

it('reserves a released handle: it still finds its owner, and others may take it only after a month', async () => {
  const fay = await testApp.signIn('fay')
  const gus = await testApp.signIn('gus')
  await fay.call(updateMe, { handle: 'fay_new' })
  expect(await gus.call(getProfile, { handleOrId: 'FAY' })).toMatchObject({ id: fay.id, handle: 'fay_new' })
  expect(await gus.expectProblem(updateMe, { handle: 'Fay' })).toMatchObject({ code: 'handle_taken' })
  const newcomer = await testApp.signIn('Fay', { claims: { sub: 'another-fay', preferred_username: 'fay' } })
  expect((await newcomer.call(getMe, {})).handle).toMatch(/^fay\d+$/)

  testApp.clock.advance(monthMs)
  const late = await testApp.signIn('gus')
  expect(await late.call(updateMe, { handle: 'Fay' })).toMatchObject({ handle: 'Fay' })
  expect(await late.call(getProfile, { handleOrId: 'fay' })).toMatchObject({ id: gus.id })
})

it('lets the owner take a released handle back, and reserves only the latest few', async () => {
  const hoarder = await testApp.signIn('hoard0')
  for (let index = 1; index <= 7; index += 1) {
    testApp.clock.advance(1_000)
    await hoarder.call(updateMe, { handle: `hoard${index}` })
  }
  const rival = await testApp.signIn('rival')
  expect(await rival.expectProblem(updateMe, { handle: 'hoard2' })).toMatchObject({ code: 'handle_taken' })
  expect(await rival.call(updateMe, { handle: 'hoard1' })).toMatchObject({ handle: 'hoard1' })
  expect(await hoarder.call(updateMe, { handle: 'hoard2' })).toMatchObject({ handle: 'hoard2' })
})
