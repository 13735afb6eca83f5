import { Follow, Profile } from '../../../models'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { getMe } from '../../../skills/user-profile/get-me'
import { listFollowers } from '../../../skills/user-profile/list-followers'
import { listFollowing } from '../../../skills/user-profile/list-following'
import { unfollowProfile } from '../../../skills/user-profile/unfollow-profile'
import { requestOverRest, transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

const nobody = 'ffffffff-0000-7000-8000-000000000000'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe.each(transports)('following over %s', transport => {
  it('counts once, notifies both profiles once, and can be undone once', async () => {
    const ann = await testApp.signIn(`ann_${transport}`)
    const bob = await testApp.signIn(`bob_${transport}`)
    const [atAnn, atBob] = [await ann.recordEvents(`user:${ann.id}`), await bob.recordEvents(`user:${bob.id}`)]

    const followed = await bob.call(followProfile, { profileId: ann.id }, { transport })
    expect(followed).toMatchObject({ id: ann.id, counts: { followers: 1 }, viewer: { following: true } })
    expect(await bob.call(followProfile, { profileId: ann.id }, { transport })).toEqual(followed)
    expect(await bob.call(getMe, {}, { transport })).toMatchObject({ counts: { following: 1, followers: 0 } })
    expect(await ann.call(listFollowers, { profileId: ann.id }, { transport })).toMatchObject([{ id: bob.id }])
    expect(await ann.call(listFollowing, { profileId: bob.id }, { transport })).toMatchObject([{ id: ann.id }])

    const ended = await bob.call(unfollowProfile, { profileId: ann.id }, { transport })
    expect(ended).toMatchObject({ counts: { followers: 0, rev: followed.counts.rev + 1 }, rev: followed.rev })
    expect(ended.viewer).toMatchObject({ following: false })
    expect(await bob.call(unfollowProfile, { profileId: ann.id }, { transport })).toEqual(ended)
    for (const recorder of [atAnn, atBob]) {
      await recorder.waitFor('user-profile.profileUnfollowed')
      await recorder.waitForAll(testApp.app)
      expect(recorder.names().filter(name => name.startsWith('user-profile.'))).toEqual([
        'user-profile.profileFollowed',
        'user-profile.profileUnfollowed',
      ])
    }
    const me = await bob.call(getMe, {}, { transport })
    expect((await atBob.waitFor('user-profile.profileUnfollowed')).data).toEqual({
      profileId: ann.id,
      actor: { id: bob.id, handle: `bob_${transport}`, displayName: `Bob_${transport}`, avatar: null },
      counts: ended.counts,
      actorCounts: me.counts,
    })
  })

  it('is refused for oneself, for an unknown profile, and across a block', async () => {
    const ann = await testApp.signIn(`cat_${transport}`)
    const bob = await testApp.signIn(`dan_${transport}`)
    await ann.call(blockProfile, { profileId: bob.id }, { transport })
    for (const op of [followProfile, unfollowProfile]) {
      expect(await ann.expectProblem(op, { profileId: ann.id }, { transport })).toMatchObject({
        code: 'invalid_input',
        errors: [{ path: 'profileId', code: 'own_profile' }],
      })
      expect(await ann.expectProblem(op, { profileId: nobody }, { transport })).toMatchObject({
        code: 'not_found',
      })
      expect(await bob.expectProblem(op, { profileId: ann.id }, { transport })).toMatchObject({
        code: 'not_found',
      })
    }
    expect(await ann.expectProblem(followProfile, { profileId: bob.id }, { transport })).toMatchObject({
      code: 'blocked_by_you',
    })
  })
})

it('keeps every count exact when all follow and unfollow each other at once', async () => {
  const crowd = await Promise.all(Array.from({ length: 5 }, (_, index) => testApp.signIn(`crowd${index}`)))
  const pairs = crowd.flatMap(one => crowd.filter(other => other !== one).map(other => ({ one, profileId: other.id })))
  const requests = pairs.flatMap(({ one, profileId }, index) => [
    one.request(followProfile, { profileId }),
    one.request(followProfile, { profileId }),
    ...(index % 3 === 0 ? [one.request(unfollowProfile, { profileId })] : []),
  ])
  expect((await Promise.all(requests)).flatMap(({ error }) => error ?? [])).toEqual([])
  for (const { id } of crowd) {
    const { followerCount, followingCount } = (await Profile.findByPk(id)) ?? {}
    expect(followerCount).toBe(await Follow.count({ where: { followeeId: id } }))
    expect(followingCount).toBe(await Follow.count({ where: { followerId: id } }))
  }
})

it('lists followers in pages, latest first, unaffected by new followers', async () => {
  const star = await testApp.signIn('star')
  const fans = []
  for (const name of ['fan1', 'fan2', 'fan3', 'fan4']) {
    const fan = await testApp.signIn(name)
    await fan.call(followProfile, { profileId: star.id })
    fans.push(fan)
  }
  const late = fans.pop()
  await late?.call(unfollowProfile, { profileId: star.id })
  const first = await star.request(listFollowers, { profileId: star.id, limit: 2 })
  await late?.call(followProfile, { profileId: star.id })
  const cursor = first.page?.next
  const second = await star.request(listFollowers, { profileId: star.id, limit: 2, cursor })
  expect([first.data, second.data].flat()).toMatchObject([{ handle: 'fan3' }, { handle: 'fan2' }, { handle: 'fan1' }])
  expect(second.page).toEqual({ next: null, hasMore: false })
  const forged = Buffer.from(JSON.stringify([1, 'x'])).toString('base64url')
  expect(await star.expectProblem(listFollowers, { profileId: star.id, cursor: forged })).toMatchObject({
    code: 'invalid_input',
  })
})

it('leaves out of lists profiles across a block, and hides the lists of a profile that blocks the viewer', async () => {
  const [idol, viewer] = [await testApp.signIn('idol'), await testApp.signIn('viewer')]
  const [foe, pest, friend] = [
    await testApp.signIn('foe'),
    await testApp.signIn('pest'),
    await testApp.signIn('friend'),
  ]
  for (const fan of [foe, pest, friend]) await fan.call(followProfile, { profileId: idol.id })
  for (const fan of [foe, pest, friend]) await idol.call(followProfile, { profileId: fan.id })
  await foe.call(blockProfile, { profileId: viewer.id })
  await viewer.call(blockProfile, { profileId: pest.id })
  for (const op of [listFollowers, listFollowing]) {
    expect(await viewer.call(op, { profileId: idol.id })).toMatchObject([{ handle: 'friend' }])
    const unsigned = await requestOverRest(viewer.url, op, { profileId: idol.id }, {})
    expect(unsigned.data).toHaveLength(3)
    expect(await viewer.expectProblem(op, { profileId: foe.id })).toMatchObject({ code: 'not_found' })
  }
})
