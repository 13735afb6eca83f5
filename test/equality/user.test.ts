import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { addComment } from '../../skills/interactions/add-comment'
import { likeTrack } from '../../skills/interactions/like-track'
import { deleteComment } from '../../skills/interactions/delete-comment'
import { repostTrack } from '../../skills/interactions/repost-track'
import { unlikeTrack } from '../../skills/interactions/unlike-track'
import { unrepostTrack } from '../../skills/interactions/unrepost-track'
import { abortUpload } from '../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../skills/music-upload/finalize-upload'
import { initiateUpload } from '../../skills/music-upload/initiate-upload'
import { deleteTrack } from '../../skills/tracks/delete-track'
import { updateTrack } from '../../skills/tracks/update-track'
import { getMySnapshot } from '../../skills/user-profile/get-my-snapshot'
import { markRead } from '../../skills/notifications/mark-read'
import { abortPicture } from '../../skills/pictures/abort-picture'
import { finalizePicture } from '../../skills/pictures/finalize-picture'
import { initiatePicture } from '../../skills/pictures/initiate-picture'
import { removeArtwork } from '../../skills/pictures/remove-artwork'
import { removeAvatar } from '../../skills/pictures/remove-avatar'
import { blockProfile } from '../../skills/user-profile/block-profile'
import { followProfile } from '../../skills/user-profile/follow-profile'
import { unblockProfile } from '../../skills/user-profile/unblock-profile'
import { unfollowProfile } from '../../skills/user-profile/unfollow-profile'
import { updateMe } from '../../skills/user-profile/update-me'
import { makeTrack } from '../factories'
import { transports, type Person, type Reply } from '../person'
import { plainPng } from '../make-pictures'
import { uploadInput, putBytes } from '../skills/music-upload/upload-file'
import { pictureInput } from '../skills/pictures/add-picture'
import { createTestApp, type TestApp } from '../test-app'
import { type ReplicaStart, Replica, takeSnapshot } from './replica'
import { checkStories, storiesTimeoutMs, runStory } from './stories'
import { type UserReplica, userRules } from './user-replica'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const action = fc.record({
  who: fc.nat(2),
  device: fc.nat(1),
  what: fc.constantFrom(
    ...(['like', 'like', 'like', 'unlike', 'repost', 'unrepost', 'comment', 'comment', 'uncomment'] as const),
    ...(['follow', 'follow', 'unfollow', 'follow back', 'unfollow back', 'block', 'unblock'] as const),
    ...(['read', 'read', 'words', 'title', 'remove track', 'publish', 'announce', 'send', 'abort', 'work'] as const),
    ...(['picture', 'picture', 'show', 'show', 'no picture', 'undress', 'bare track'] as const),
  ),
  which: fc.nat(1_000),
  transport: fc.constantFrom(...transports),
})
type Action = typeof action extends fc.Arbitrary<infer D> ? D : never

let stageCount = 0

/**
 * A person with two devices, tracks and uploads, and others who act on them. Nobody blocks her: a block sends no event,
 * and only a new snapshot shows it.
 */
async function createStage() {
  stageCount += 1
  const devices = [
    await testApp.signIn(`ann${stageCount}`, { node: 0 }),
    await testApp.signIn(`ann${stageCount}`, { node: 1 }),
  ] as const
  const [ann] = devices
  const others = await Promise.all(['bob', 'cid', 'eve'].map(name => testApp.signIn(`${name}${stageCount}`)))
  const trackIds: string[] = []
  for (let count = 0; count < 3; count += 1) trackIds.push((await makeTrack(ann.id)).id)
  const unpublished = await Promise.all(
    others.map(({ id }) => makeTrack(id, { visibility: 'private', publishedAt: null })),
  )
  const commentIds: string[] = []
  const pictureIds: string[] = []
  const png = await plainPng({ width: 100, height: 100 })
  const uploads: { id: string; bytes: Buffer; put: Parameters<typeof putBytes>[0] }[] = []

  async function perform({ who, device, what, which, transport }: Action): Promise<Reply> {
    const me = devices[device] ?? ann
    const other: Person = others[who] ?? ann
    const [trackId, profileId, via] = [trackIds[which % 3] ?? '', other.id, { transport }]
    const upload = uploads[which % uploads.length]
    const uploadId = upload?.id ?? trackId
    const pictureId = pictureIds[which % pictureIds.length] ?? trackId
    const actions: Record<typeof what, () => Promise<Reply>> = {
      like: () => other.request(likeTrack, { trackId }, via),
      unlike: () => other.request(unlikeTrack, { trackId }, via),
      repost: () => other.request(repostTrack, { trackId }, via),
      unrepost: () => other.request(unrepostTrack, { trackId }, via),
      comment: async () => {
        const reply = await other.request(addComment, { trackId, body: `so ${which}`, positionMs: which }, via)
        if (reply.error === undefined) commentIds.push((reply.data as { id: string }).id)
        return reply
      },
      uncomment: () =>
        (which % 2 === 0 ? me : other).request(
          deleteComment,
          { commentId: commentIds[which % commentIds.length] ?? '' },
          via,
        ),
      follow: () => other.request(followProfile, { profileId: me.id }, via),
      unfollow: () => other.request(unfollowProfile, { profileId: me.id }, via),
      'follow back': () => me.request(followProfile, { profileId }, via),
      'unfollow back': () => me.request(unfollowProfile, { profileId }, via),
      block: () => me.request(blockProfile, { profileId }, via),
      unblock: () => me.request(unblockProfile, { profileId }, via),
      // Up to some moment of the story, so that later notifications stay unread.
      read: () => me.request(markRead, { until: new Date(testApp.clock.now() - (which % 400)).toISOString() }, via),
      words: () =>
        me.request(updateMe, which % 2 === 0 ? { bio: `Bio ${which % 5}` } : { displayName: `Ann ${which % 5}` }, via),
      title: () => me.request(updateTrack, { trackId, title: `Title ${which % 5}` }, via),
      'remove track': () => me.request(deleteTrack, { trackId }, via),
      publish: () => other.request(updateTrack, { trackId: unpublished[who]?.id ?? '', visibility: 'public' }, via),
      announce: async () => {
        const bytes = randomBytes(64)
        const reply = await me.request(initiateUpload, uploadInput(bytes), via)
        if (reply.error !== undefined) return reply
        const { upload: initiated, putRequest: target } = reply.data as {
          upload: { id: string }
          putRequest: Parameters<typeof putBytes>[0]
        }
        uploads.push({ id: initiated.id, bytes, put: target })
        return reply
      },
      send: async () => {
        if (upload !== undefined) await putBytes(upload.put, upload.bytes)
        return me.request(finalizeUpload, { uploadId }, via)
      },
      abort: () => me.request(abortUpload, { uploadId }, via),
      picture: async () => {
        const purpose = which % 2 === 0 ? {} : { trackId }
        const reply = await me.request(initiatePicture, pictureInput(png, purpose), via)
        if (reply.error !== undefined) return reply
        const initiated = reply.data as { picture: { id: string }; putRequest: Parameters<typeof putBytes>[0] }
        await putBytes(initiated.putRequest, png)
        pictureIds.push(initiated.picture.id)
        return reply
      },
      show: () => me.request(finalizePicture, { pictureId }, via),
      'no picture': () => me.request(abortPicture, { pictureId }, via),
      undress: () => me.request(removeAvatar, {}, via),
      'bare track': () => me.request(removeArtwork, { trackId }, via),
      work: async () => {
        await testApp.runJobs()
        return {}
      },
    }
    return actions[what]()
  }
  return { devices, does: perform }
}

it(
  'a snapshot of the own channel plus later events equals a new snapshot',
  async () => {
    await checkStories(action, async story => {
      const { devices, does: perform } = await createStage()
      const laptop = devices[1]
      const snapshot = async (): Promise<ReplicaStart<UserReplica>> => {
        const { data, position } = await takeSnapshot(laptop, getMySnapshot, {}, story.transport)
        return { state: data, positions: [position] }
      }
      await using replica = await runStory(story, perform, async () =>
        Replica.open(testApp, laptop, await snapshot(), userRules),
      )
      await testApp.applyCounters()
      await testApp.runJobs()
      // Ends with a read marker between unread notifications.
      const { notifications } = await laptop.call(getMySnapshot, {})
      const until = notifications[story.opensAfterMs % notifications.length]?.id
      if (until !== undefined) await laptop.call(markRead, { until }, { transport: story.transport })
      const now = await snapshot()
      await replica.waitFor(now)
      expect(replica.state).toEqual(now.state)
    })
  },
  storiesTimeoutMs,
)
