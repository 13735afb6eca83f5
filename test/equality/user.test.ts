import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { addComment } from '../../skills/interactions/add-comment'
import { likeTrack } from '../../skills/interactions/like-track'
import { removeComment } from '../../skills/interactions/remove-comment'
import { repostTrack } from '../../skills/interactions/repost-track'
import { unlikeTrack } from '../../skills/interactions/unlike-track'
import { unrepostTrack } from '../../skills/interactions/unrepost-track'
import { abortUpload } from '../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../skills/music-upload/finalize-upload'
import { initiateUpload } from '../../skills/music-upload/initiate-upload'
import { removeTrack } from '../../skills/music-upload/remove-track'
import { updateTrack } from '../../skills/music-upload/update-track'
import { getMySnapshot } from '../../skills/notifications/get-my-snapshot'
import { moveReadMarker } from '../../skills/notifications/move-read-marker'
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
import { doors, type Person, type Reply } from '../people'
import { plainPng } from '../pictures'
import { announce, put } from '../skills/music-upload/uploading'
import { announcePicture } from '../skills/pictures/picturing'
import { freshWorld, type TestWorld } from '../world'
import { type Fresh, Mirror, take } from './mirror'
import { holdsFor, storiesWithinMs, tell } from './stories'
import { type UserCopy, userRules } from './user-copy'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const deed = fc.record({
  who: fc.nat(2),
  device: fc.nat(1),
  what: fc.constantFrom(
    ...(['like', 'like', 'like', 'unlike', 'repost', 'unrepost', 'comment', 'comment', 'uncomment'] as const),
    ...(['follow', 'follow', 'unfollow', 'follow back', 'unfollow back', 'block', 'unblock'] as const),
    ...(['read', 'read', 'words', 'title', 'remove track', 'publish', 'announce', 'send', 'abort', 'work'] as const),
    ...(['picture', 'picture', 'show', 'show', 'no picture', 'undress', 'bare track'] as const),
  ),
  which: fc.nat(1_000),
  door: fc.constantFrom(...doors),
})
type Deed = typeof deed extends fc.Arbitrary<infer D> ? D : never

let told = 0

/**
 * Somebody with two devices, tracks and uploads, and others who do something with these. Nobody blocks her: whoever is blocked
 * is not told, and finds out with a fresh snapshot.
 */
async function stage() {
  told += 1
  const devices = [
    await world.person(`ann${told}`, { node: 0 }),
    await world.person(`ann${told}`, { node: 1 }),
  ] as const
  const [ann] = devices
  const others = await Promise.all(['bob', 'cid', 'eve'].map(name => world.person(`${name}${told}`)))
  const trackIds: string[] = []
  for (let count = 0; count < 3; count += 1) trackIds.push((await makeTrack(ann.id)).id)
  const unpublished = await Promise.all(
    others.map(({ id }) => makeTrack(id, { visibility: 'private', publishedAt: null })),
  )
  const commentIds: string[] = []
  const pictureIds: string[] = []
  const png = await plainPng({ width: 100, height: 100 })
  const uploads: { id: string; bytes: Buffer; put: Parameters<typeof put>[0] }[] = []

  async function does({ who, device, what, which, door }: Deed): Promise<Reply> {
    const me = devices[device] ?? ann
    const other: Person = others[who] ?? ann
    const [trackId, profileId, via] = [trackIds[which % 3] ?? '', other.id, { door }]
    const upload = uploads[which % uploads.length]
    const uploadId = upload?.id ?? trackId
    const pictureId = pictureIds[which % pictureIds.length] ?? trackId
    const deeds: Record<typeof what, () => Promise<Reply>> = {
      like: () => other.ask(likeTrack, { trackId }, via),
      unlike: () => other.ask(unlikeTrack, { trackId }, via),
      repost: () => other.ask(repostTrack, { trackId }, via),
      unrepost: () => other.ask(unrepostTrack, { trackId }, via),
      comment: async () => {
        const reply = await other.ask(addComment, { trackId, body: `so ${which}`, positionMs: which }, via)
        if (reply.error === undefined) commentIds.push((reply.data as { id: string }).id)
        return reply
      },
      uncomment: () =>
        (which % 2 === 0 ? me : other).ask(
          removeComment,
          { commentId: commentIds[which % commentIds.length] ?? '' },
          via,
        ),
      follow: () => other.ask(followProfile, { profileId: me.id }, via),
      unfollow: () => other.ask(unfollowProfile, { profileId: me.id }, via),
      'follow back': () => me.ask(followProfile, { profileId }, via),
      'unfollow back': () => me.ask(unfollowProfile, { profileId }, via),
      block: () => me.ask(blockProfile, { profileId }, via),
      unblock: () => me.ask(unblockProfile, { profileId }, via),
      // Up to some moment of the story: what happened since stays unread.
      read: () => me.ask(moveReadMarker, { until: new Date(world.clock.now() - (which % 400)).toISOString() }, via),
      words: () =>
        me.ask(updateMe, which % 2 === 0 ? { bio: `Bio ${which % 5}` } : { displayName: `Ann ${which % 5}` }, via),
      title: () => me.ask(updateTrack, { trackId, title: `Title ${which % 5}` }, via),
      'remove track': () => me.ask(removeTrack, { trackId }, via),
      publish: () => other.ask(updateTrack, { trackId: unpublished[who]?.id ?? '', visibility: 'public' }, via),
      announce: async () => {
        const bytes = randomBytes(64)
        const reply = await me.ask(initiateUpload, announce(bytes), via)
        if (reply.error !== undefined) return reply
        const { upload: begun, put: place } = reply.data as { upload: { id: string }; put: Parameters<typeof put>[0] }
        uploads.push({ id: begun.id, bytes, put: place })
        return reply
      },
      send: async () => {
        if (upload !== undefined) await put(upload.put, upload.bytes)
        return me.ask(finalizeUpload, { uploadId }, via)
      },
      abort: () => me.ask(abortUpload, { uploadId }, via),
      picture: async () => {
        const wish = which % 2 === 0 ? {} : { trackId }
        const reply = await me.ask(initiatePicture, announcePicture(png, wish), via)
        if (reply.error !== undefined) return reply
        const begun = reply.data as { picture: { id: string }; put: Parameters<typeof put>[0] }
        await put(begun.put, png)
        pictureIds.push(begun.picture.id)
        return reply
      },
      show: () => me.ask(finalizePicture, { pictureId }, via),
      'no picture': () => me.ask(abortPicture, { pictureId }, via),
      undress: () => me.ask(removeAvatar, {}, via),
      'bare track': () => me.ask(removeArtwork, { trackId }, via),
      work: async () => {
        await world.work()
        return {}
      },
    }
    return deeds[what]()
  }
  return { devices, does }
}

it(
  'one’s own channel: a snapshot and the events since are a fresh snapshot',
  async () => {
    await holdsFor(deed, async story => {
      const { devices, does } = await stage()
      const laptop = devices[1]
      const fresh = async (): Promise<Fresh<UserCopy>> => {
        const { data, place } = await take(laptop, getMySnapshot, {}, story.door)
        return { state: data, places: [place] }
      }
      await using mirror = await tell(story, does, async () => Mirror.open(world, laptop, await fresh(), userRules))
      await world.settle()
      await world.work()
      // The last word is about what is unread, with some above the marker and some below.
      const { notifications } = await laptop.call(getMySnapshot, {})
      const until = notifications[story.opensAfterMs % notifications.length]?.id
      if (until !== undefined) await laptop.call(moveReadMarker, { until }, { door: story.door })
      const now = await fresh()
      await mirror.reaches(now)
      expect(mirror.state).toEqual(now.state)
    })
  },
  storiesWithinMs,
)
