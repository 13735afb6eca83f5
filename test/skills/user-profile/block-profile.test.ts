import { Block, Follow } from '../../../models'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { getMe } from '../../../skills/user-profile/get-me'
import { getProfile } from '../../../skills/user-profile/get-profile'
import { listBlockedProfiles } from '../../../skills/user-profile/list-blocked-profiles'
import { unblockProfile } from '../../../skills/user-profile/unblock-profile'
import { updateMe } from '../../../skills/user-profile/update-me'
import { transports, type EventRecorder } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** Events of this skill only; other skills test their own. */
const profileEvents = (recorder: EventRecorder) => recorder.names().filter(name => name.startsWith('user-profile.'))

describe.each(transports)('blocking over %s', transport => {
  it('ends both follows and lowers their counts, and sends no event to the blocked profile', async () => {
    const ann = await testApp.signIn(`ann_${transport}`)
    const bob = await testApp.signIn(`bob_${transport}`)
    const [atAnn, atBob] = [await ann.recordEvents(`user:${ann.id}`), await bob.recordEvents(`user:${bob.id}`)]
    await ann.call(followProfile, { profileId: bob.id }, { transport })
    await bob.call(followProfile, { profileId: ann.id }, { transport })
    const follows = ['user-profile.profileFollowed', 'user-profile.profileFollowed']
    await bob.call(getProfile, { handleOrId: bob.id }, { transport })

    const blocked = await ann.call(blockProfile, { profileId: bob.id }, { transport })
    expect(blocked).toEqual({ profileId: bob.id, blocking: true })
    expect(await ann.call(blockProfile, { profileId: bob.id }, { transport })).toEqual(blocked)
    for (const one of [ann, bob]) {
      const me = await one.call(getMe, {}, { transport })
      expect(me).toMatchObject({ counts: { followers: 0, following: 0 } })
      expect(await one.call(getProfile, { handleOrId: one.id }, { transport })).toEqual(me)
    }
    expect(await ann.call(listBlockedProfiles, {}, { transport })).toMatchObject([{ id: bob.id }])
    expect(await bob.call(listBlockedProfiles, {}, { transport })).toEqual([])

    const unblocked = await ann.call(unblockProfile, { profileId: bob.id }, { transport })
    expect(unblocked).toEqual({ profileId: bob.id, blocking: false })
    expect(await ann.call(unblockProfile, { profileId: bob.id }, { transport })).toEqual(unblocked)
    expect(await bob.call(getProfile, { handleOrId: ann.id }, { transport })).toMatchObject({
      viewer: { following: false },
    })

    await bob.call(updateMe, { bio: 'the last event' }, { transport })
    await atBob.waitFor('user-profile.profileChanged')
    expect(profileEvents(atBob)).toEqual([...follows, 'user-profile.profileChanged'])
    await atAnn.waitFor('user-profile.profileUnblocked')
    expect(profileEvents(atAnn)).toEqual([...follows, 'user-profile.profileBlocked', 'user-profile.profileUnblocked'])
  })

  it('is refused for oneself and for an unknown profile', async () => {
    const ann = await testApp.signIn(`cat_${transport}`)
    for (const op of [blockProfile, unblockProfile]) {
      expect(await ann.expectProblem(op, { profileId: ann.id }, { transport })).toMatchObject({
        code: 'invalid_input',
        errors: [{ path: 'profileId', code: 'own_profile' }],
      })
      const profileId = 'ffffffff-0000-7000-8000-000000000000'
      expect(await ann.expectProblem(op, { profileId }, { transport })).toMatchObject({ code: 'not_found' })
    }
  })

  it('is possible for a profile that is blocked itself', async () => {
    const ann = await testApp.signIn(`dee_${transport}`)
    const bob = await testApp.signIn(`eli_${transport}`)
    await ann.call(blockProfile, { profileId: bob.id }, { transport })
    await bob.call(blockProfile, { profileId: ann.id }, { transport })
    expect(await ann.expectProblem(getProfile, { handleOrId: bob.id }, { transport })).toMatchObject({
      code: 'not_found',
    })
  })
})

it('leaves no follow beside a block and no wrong count when both are requested at once', async () => {
  for (let round = 0; round < 4; round += 1) {
    const ann = await testApp.signIn(`left${round}`)
    const bob = await testApp.signIn(`right${round}`)
    await Promise.all([
      bob.request(followProfile, { profileId: ann.id }),
      ann.request(blockProfile, { profileId: bob.id }),
      ann.request(followProfile, { profileId: bob.id }),
      bob.request(blockProfile, { profileId: ann.id }),
    ])
    expect(await Block.count({ where: { blockerId: [ann.id, bob.id] } })).toBe(2)
    expect(await Follow.count({ where: { followerId: [ann.id, bob.id] } })).toBe(0)
    for (const one of [ann, bob])
      expect(await one.call(getMe, {})).toMatchObject({ counts: { followers: 0, following: 0 } })
  }
})
