import { Follow, Profile } from '../../../models'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { getMe } from '../../../skills/user-profile/get-me'
import { listFollowers } from '../../../skills/user-profile/list-followers'
import { listFollowing } from '../../../skills/user-profile/list-following'
import { unfollowProfile } from '../../../skills/user-profile/unfollow-profile'
import { askOverRest, doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

const nobody = 'ffffffff-0000-7000-8000-000000000000'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(doors)('following over %s', door => {
  it('counts once, tells both once, and can be ended once', async () => {
    const ann = await world.person(`ann_${door}`)
    const bob = await world.person(`bob_${door}`)
    const [atAnn, atBob] = [await ann.hear(`user:${ann.id}`), await bob.hear(`user:${bob.id}`)]

    const followed = await bob.call(followProfile, { profileId: ann.id }, { door })
    expect(followed).toMatchObject({ id: ann.id, counts: { followers: 1 }, viewer: { following: true } })
    expect(await bob.call(followProfile, { profileId: ann.id }, { door })).toEqual(followed)
    expect(await bob.call(getMe, {}, { door })).toMatchObject({ counts: { following: 1, followers: 0 } })
    expect(await ann.call(listFollowers, { profileId: ann.id }, { door })).toMatchObject([{ id: bob.id }])
    expect(await ann.call(listFollowing, { profileId: bob.id }, { door })).toMatchObject([{ id: ann.id }])

    const ended = await bob.call(unfollowProfile, { profileId: ann.id }, { door })
    expect(ended).toMatchObject({ counts: { followers: 0, rev: followed.counts.rev + 1 }, rev: followed.rev })
    expect(ended.viewer).toMatchObject({ following: false })
    expect(await bob.call(unfollowProfile, { profileId: ann.id }, { door })).toEqual(ended)
    for (const heard of [atAnn, atBob]) {
      await heard.first('user-profile.profileUnfollowed')
      await heard.all(world.world)
      expect(heard.names().filter(name => name.startsWith('user-profile.'))).toEqual([
        'user-profile.profileFollowed',
        'user-profile.profileUnfollowed',
      ])
    }
    const me = await bob.call(getMe, {}, { door })
    expect((await atBob.first('user-profile.profileUnfollowed')).data).toEqual({
      profileId: ann.id,
      by: { id: bob.id, handle: `bob_${door}`, displayName: `Bob_${door}`, avatar: null },
      counts: ended.counts,
      byCounts: me.counts,
    })
  })

  it('is refused for oneself, for nobody, and across a block', async () => {
    const ann = await world.person(`cat_${door}`)
    const bob = await world.person(`dan_${door}`)
    await ann.call(blockProfile, { profileId: bob.id }, { door })
    for (const op of [followProfile, unfollowProfile]) {
      expect(await ann.refused(op, { profileId: ann.id }, { door })).toMatchObject({
        code: 'invalid_input',
        errors: [{ path: 'profileId', code: 'oneself' }],
      })
      expect(await ann.refused(op, { profileId: nobody }, { door })).toMatchObject({ code: 'not_found' })
      expect(await bob.refused(op, { profileId: ann.id }, { door })).toMatchObject({ code: 'not_found' })
    }
    expect(await ann.refused(followProfile, { profileId: bob.id }, { door })).toMatchObject({ code: 'blocked_by_you' })
  })
})

it('keeps every count exact when all follow and unfollow each other at once', async () => {
  const crowd = await Promise.all(Array.from({ length: 5 }, (_, index) => world.person(`crowd${index}`)))
  const pairs = crowd.flatMap(one => crowd.filter(other => other !== one).map(other => ({ one, profileId: other.id })))
  const acts = pairs.flatMap(({ one, profileId }, index) => [
    one.ask(followProfile, { profileId }),
    one.ask(followProfile, { profileId }),
    ...(index % 3 === 0 ? [one.ask(unfollowProfile, { profileId })] : []),
  ])
  expect((await Promise.all(acts)).flatMap(({ error }) => error ?? [])).toEqual([])
  for (const { id } of crowd) {
    const { followerCount, followingCount } = (await Profile.findByPk(id)) ?? {}
    expect(followerCount).toBe(await Follow.count({ where: { followeeId: id } }))
    expect(followingCount).toBe(await Follow.count({ where: { followerId: id } }))
  }
})

it('lists page by page, the latest first, unmoved by who arrives meanwhile', async () => {
  const star = await world.person('star')
  const fans = []
  for (const name of ['fan1', 'fan2', 'fan3', 'fan4']) {
    const fan = await world.person(name)
    await fan.call(followProfile, { profileId: star.id })
    fans.push(fan)
  }
  const late = fans.pop()
  await late?.call(unfollowProfile, { profileId: star.id })
  const first = await star.ask(listFollowers, { profileId: star.id, limit: 2 })
  await late?.call(followProfile, { profileId: star.id })
  const cursor = first.page?.next
  const second = await star.ask(listFollowers, { profileId: star.id, limit: 2, cursor })
  expect([first.data, second.data].flat()).toMatchObject([{ handle: 'fan3' }, { handle: 'fan2' }, { handle: 'fan1' }])
  expect(second.page).toEqual({ next: null, hasMore: false })
  const forged = Buffer.from(JSON.stringify([1, 'x'])).toString('base64url')
  expect(await star.refused(listFollowers, { profileId: star.id, cursor: forged })).toMatchObject({
    code: 'invalid_input',
  })
})

it('hides from a list who blocks the viewer or is blocked by them, and the list of who blocks them', async () => {
  const [idol, viewer] = [await world.person('idol'), await world.person('viewer')]
  const [foe, pest, friend] = [await world.person('foe'), await world.person('pest'), await world.person('friend')]
  for (const fan of [foe, pest, friend]) await fan.call(followProfile, { profileId: idol.id })
  for (const fan of [foe, pest, friend]) await idol.call(followProfile, { profileId: fan.id })
  await foe.call(blockProfile, { profileId: viewer.id })
  await viewer.call(blockProfile, { profileId: pest.id })
  for (const op of [listFollowers, listFollowing]) {
    expect(await viewer.call(op, { profileId: idol.id })).toMatchObject([{ handle: 'friend' }])
    const unsigned = await askOverRest(viewer.url, op, { profileId: idol.id }, {})
    expect(unsigned.data).toHaveLength(3)
    expect(await viewer.refused(op, { profileId: foe.id })).toMatchObject({ code: 'not_found' })
  }
})
