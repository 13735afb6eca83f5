import { Comment, Follow, Like, Profile, Repost, Track } from '../../../models'
import { addComment } from '../../../skills/interactions/add-comment'
import { likeTrack } from '../../../skills/interactions/like-track'
import { reconcileTrackCounts } from '../../../skills/interactions/reconcile-track-counts'
import { deleteComment } from '../../../skills/interactions/delete-comment'
import { repostTrack } from '../../../skills/interactions/repost-track'
import { unlikeTrack } from '../../../skills/interactions/unlike-track'
import { getTrack } from '../../../skills/tracks/get-track'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { getProfile } from '../../../skills/user-profile/get-profile'
import { reconcileProfileCounts } from '../../../skills/user-profile/reconcile-profile-counts'
import { unfollowProfile } from '../../../skills/user-profile/unfollow-profile'
import { makeTrack } from '../../factories'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const reconcile = async () => {
  await testApp.app.jobs.enqueue(reconcileTrackCounts, {})
  await testApp.app.jobs.enqueue(reconcileProfileCounts, {})
  await testApp.runJobs()
}

const drift = async () => {
  const { values } = await testApp.app.metrics.counterDrift.get()
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.counter), value]))
}

const none = { likes: 0, reposts: 0, comments: 0, followers: 0, following: 0 }

it('finds no drift during and after concurrent reactions on two nodes', async () => {
  const artist = await testApp.signIn('artist')
  const crowd = await Promise.all(Array.from({ length: 4 }, (_, index) => testApp.signIn(`p${index}`)))
  const { id: trackId } = await makeTrack(artist.id)
  const reactRepeatedly = async (person: Person) => {
    for (let round = 0; round < 3; round += 1) {
      const { id: commentId } = await person.call(addComment, { trackId, body: `Round ${round}`, positionMs: 0 })
      await Promise.all([
        ...[likeTrack, repostTrack, unlikeTrack].map(op => person.call(op, { trackId })),
        ...[followProfile, unfollowProfile].map(op => person.call(op, { profileId: artist.id })),
        person.call(deleteComment, { commentId }),
      ])
    }
  }
  await Promise.all([...crowd.map(reactRepeatedly), reconcile().then(reconcile)])
  await reconcile()
  await testApp.applyCounters()
  await reconcile()
  expect(await drift()).toEqual(none)

  const counts = await Promise.all([
    Like.count({ where: { trackId } }),
    Repost.count({ where: { trackId } }),
    Comment.count({ where: { trackId, deletedAt: null } }),
  ])
  const { likeCount, repostCount, commentCount } = (await Track.findByPk(trackId)) ?? {}
  expect([likeCount, repostCount, commentCount]).toEqual(counts)
  const { followerCount } = (await Profile.findByPk(artist.id)) ?? {}
  expect(followerCount).toBe(await Follow.count({ where: { followeeId: artist.id } }))
})

it('repairs exactly the wrong counts, once, in every batch, and reads show the repaired values', async () => {
  const [ann, bob] = [await testApp.signIn('ann'), await testApp.signIn('bob')]
  const tracks = await Promise.all(Array.from({ length: 130 }, () => makeTrack(ann.id)))
  const [right, wrong] = [tracks[0]?.id ?? '', tracks.at(-1)?.id ?? '']
  for (const trackId of [right, wrong]) await bob.call(likeTrack, { trackId })
  await bob.call(followProfile, { profileId: ann.id })
  await testApp.applyCounters()
  const read = async () => [
    await bob.call(getTrack, { trackId: right }),
    await bob.call(getTrack, { trackId: wrong }),
    await ann.call(getProfile, { handleOrId: bob.id }),
  ]
  const before = await read()
  await testApp.app.db.query(
    'update tracks set like_count = 4, repost_count = 2, counts_rev = counts_rev + 1 where id = :wrong',
    { wrong },
  )
  await testApp.app.db.query('update profiles set following_count = 0 where id = :id', { id: bob.id })

  await reconcile()
  const repaired = { ...none, likes: 3, reposts: 2, following: 1 }
  expect(await drift()).toEqual(repaired)
  const [untouched, track, profile] = before
  expect(await read()).toEqual([
    untouched,
    { ...track, counts: { ...track?.counts, rev: (track?.counts.rev ?? 0) + 2 } },
    { ...profile, counts: { ...profile?.counts, rev: (profile?.counts.rev ?? 0) + 1 } },
  ])
  await reconcile()
  expect(await drift()).toEqual(repaired)
})
