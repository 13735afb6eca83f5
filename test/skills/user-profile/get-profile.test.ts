import { blockProfile } from '../../../skills/user-profile/block-profile'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { getMe } from '../../../skills/user-profile/get-me'
import { getProfile } from '../../../skills/user-profile/get-profile'
import { updateMe } from '../../../skills/user-profile/update-me'
import { requestOverRest, transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe.each(transports)('a profile over %s', transport => {
  it('is found by its id and by its handle, in upper or lower case', async () => {
    const ida = await testApp.signIn(`ida_${transport}`)
    const joe = await testApp.signIn(`joe_${transport}`)
    const byId = await joe.call(getProfile, { handleOrId: ida.id.toUpperCase() }, { transport })
    const byHandle = await joe.call(getProfile, { handleOrId: `IDA_${transport}` }, { transport })
    expect(byId).toMatchObject({ id: ida.id, handle: `ida_${transport}`, viewer: { isSelf: false, following: false } })
    expect(byHandle).toEqual(byId)
    expect(await ida.call(getProfile, { handleOrId: ida.id }, { transport })).toEqual(
      await ida.call(getMe, {}, { transport }),
    )
  })

  it('is not found when it does not exist or its owner blocks the viewer', async () => {
    const ida = await testApp.signIn(`kay_${transport}`)
    const joe = await testApp.signIn(`lou_${transport}`)
    await ida.call(blockProfile, { profileId: joe.id }, { transport })
    for (const handleOrId of [
      'nobody_here',
      'no-handle',
      'ffffffff-0000-7000-8000-000000000000',
      ida.id,
      `kay_${transport}`,
    ])
      expect(await joe.expectProblem(getProfile, { handleOrId }, { transport })).toMatchObject({
        code: 'not_found',
      })
    expect(await ida.call(getProfile, { handleOrId: joe.id }, { transport })).toMatchObject({
      viewer: { blocking: true },
    })
  })
})

it('has no viewer field for a caller who is not signed in', async () => {
  const mia = await testApp.signIn('mia')
  const { data } = await requestOverRest(mia.url, getProfile, { handleOrId: 'mia' }, {})
  expect(data).toMatchObject({ id: mia.id })
  expect(data).not.toHaveProperty('viewer')
})

it('is never older than the last change, on either node, although it was cached before', async () => {
  const ned = await testApp.signIn('ned', { node: 0 })
  const oda = await testApp.signIn('oda', { node: 1 })
  const read = (handleOrId: string) => oda.call(getProfile, { handleOrId })
  await read('ned')
  await ned.call(updateMe, { bio: 'new' })
  expect(await read('ned')).toMatchObject({ bio: 'new', counts: { followers: 0 } })
  await oda.call(followProfile, { profileId: ned.id })
  expect(await read('ned')).toMatchObject({ counts: { followers: 1 }, viewer: { following: true } })
  expect(await read('oda')).toMatchObject({ counts: { following: 1 } })
  await ned.call(updateMe, { handle: 'ned_renamed' })
  expect(await read('ned_renamed')).toMatchObject({ id: ned.id })
  expect(await read('ned')).toMatchObject({ id: ned.id, handle: 'ned_renamed' })
})

it('is current while Redis is unavailable, and after it is back', async () => {
  const pia = await testApp.signIn('pia', { node: 0 })
  const read = () => pia.call(getProfile, { handleOrId: 'pia' })
  const before = await read()
  const { commands } = testApp.app.redis
  commands.disconnect()
  await pia.call(updateMe, { bio: 'changed meanwhile' })
  const after = { ...before, bio: 'changed meanwhile', rev: before.rev + 1 }
  expect(await read()).toEqual(after)
  await commands.connect()
  expect(await read()).toEqual(after)
})
