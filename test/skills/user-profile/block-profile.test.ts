import { Block, Follow } from '../../../models'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { getMe } from '../../../skills/user-profile/get-me'
import { getProfile } from '../../../skills/user-profile/get-profile'
import { listBlocked } from '../../../skills/user-profile/list-blocked'
import { unblockProfile } from '../../../skills/user-profile/unblock-profile'
import { updateMe } from '../../../skills/user-profile/update-me'
import { doors, type Ear } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** What other skills make of it is theirs to test. */
const aboutProfiles = (ear: Ear) => ear.names().filter(name => name.startsWith('user-profile.'))

describe.each(doors)('blocking over %s', door => {
  it('ends both follows and their counts for good, and the blocked one hears nothing of it', async () => {
    const ann = await world.person(`ann_${door}`)
    const bob = await world.person(`bob_${door}`)
    const [atAnn, atBob] = [await ann.hear(`user:${ann.id}`), await bob.hear(`user:${bob.id}`)]
    await ann.call(followProfile, { profileId: bob.id }, { door })
    await bob.call(followProfile, { profileId: ann.id }, { door })
    const follows = ['user-profile.profileFollowed', 'user-profile.profileFollowed']
    await bob.call(getProfile, { handleOrId: bob.id }, { door })

    const blocked = await ann.call(blockProfile, { profileId: bob.id }, { door })
    expect(blocked).toEqual({ profileId: bob.id, blocking: true })
    expect(await ann.call(blockProfile, { profileId: bob.id }, { door })).toEqual(blocked)
    for (const one of [ann, bob]) {
      const me = await one.call(getMe, {}, { door })
      expect(me).toMatchObject({ counts: { followers: 0, following: 0 } })
      expect(await one.call(getProfile, { handleOrId: one.id }, { door })).toEqual(me)
    }
    expect(await ann.call(listBlocked, {}, { door })).toMatchObject([{ id: bob.id }])
    expect(await bob.call(listBlocked, {}, { door })).toEqual([])

    const freed = await ann.call(unblockProfile, { profileId: bob.id }, { door })
    expect(freed).toEqual({ profileId: bob.id, blocking: false })
    expect(await ann.call(unblockProfile, { profileId: bob.id }, { door })).toEqual(freed)
    expect(await bob.call(getProfile, { handleOrId: ann.id }, { door })).toMatchObject({ viewer: { following: false } })

    await bob.call(updateMe, { bio: 'the last event' }, { door })
    await atBob.first('user-profile.profileChanged')
    expect(aboutProfiles(atBob)).toEqual([...follows, 'user-profile.profileChanged'])
    await atAnn.first('user-profile.profileUnblocked')
    expect(aboutProfiles(atAnn)).toEqual([...follows, 'user-profile.profileBlocked', 'user-profile.profileUnblocked'])
  })

  it('is refused for oneself and for nobody', async () => {
    const ann = await world.person(`cat_${door}`)
    for (const op of [blockProfile, unblockProfile]) {
      expect(await ann.refused(op, { profileId: ann.id }, { door })).toMatchObject({
        code: 'invalid_input',
        errors: [{ path: 'profileId', code: 'oneself' }],
      })
      const profileId = 'ffffffff-0000-7000-8000-000000000000'
      expect(await ann.refused(op, { profileId }, { door })).toMatchObject({ code: 'not_found' })
    }
  })

  it('is possible in return', async () => {
    const ann = await world.person(`dee_${door}`)
    const bob = await world.person(`eli_${door}`)
    await ann.call(blockProfile, { profileId: bob.id }, { door })
    await bob.call(blockProfile, { profileId: ann.id }, { door })
    expect(await ann.refused(getProfile, { handleOrId: bob.id }, { door })).toMatchObject({ code: 'not_found' })
  })
})

it('never leaves a follow beside a block, and no count wrong, when both happen at once', async () => {
  for (let round = 0; round < 4; round += 1) {
    const ann = await world.person(`left${round}`)
    const bob = await world.person(`right${round}`)
    await Promise.all([
      bob.ask(followProfile, { profileId: ann.id }),
      ann.ask(blockProfile, { profileId: bob.id }),
      ann.ask(followProfile, { profileId: bob.id }),
      bob.ask(blockProfile, { profileId: ann.id }),
    ])
    expect(await Block.count({ where: { blockerId: [ann.id, bob.id] } })).toBe(2)
    expect(await Follow.count({ where: { followerId: [ann.id, bob.id] } })).toBe(0)
    for (const one of [ann, bob])
      expect(await one.call(getMe, {})).toMatchObject({ counts: { followers: 0, following: 0 } })
  }
})
