import fc from 'fast-check'
import { Follow } from '../../models'
import { type Visibility } from '../../models/track'
import { addComment } from '../../skills/interactions/add-comment'
import { likeTrack } from '../../skills/interactions/like-track'
import { listComments } from '../../skills/interactions/list-comments'
import { deleteComment } from '../../skills/interactions/delete-comment'
import { repostTrack } from '../../skills/interactions/repost-track'
import { unlikeTrack } from '../../skills/interactions/unlike-track'
import { unrepostTrack } from '../../skills/interactions/unrepost-track'
import { deleteTrack } from '../../skills/tracks/delete-track'
import { updateTrack } from '../../skills/tracks/update-track'
import { getMySnapshot } from '../../skills/user-profile/get-my-snapshot'
import { getTrack } from '../../skills/tracks/get-track'
import { makeTrackLinkHolder, makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { transports, type Person, type Reply } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { type ReplicaStart, Replica, takeSnapshot } from './replica'
import { checkStories, storiesTimeoutMs, type Story, runStory } from './stories'
import { type TrackReplica, trackRules } from './track-replica'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const deedOf = (...visibilities: Visibility[]) =>
  fc.record({
    who: fc.nat(3),
    what: fc.constantFrom(
      ...(['like', 'like', 'unlike', 'repost', 'unrepost'] as const),
      ...(['comment', 'comment', 'remove', 'words', 'visibility'] as const),
    ),
    visibility: fc.constantFrom(...visibilities),
    which: fc.nat(1_000),
    transport: fc.constantFrom(...transports),
  })
type Deed = ReturnType<typeof deedOf> extends fc.Arbitrary<infer D> ? D : never

let told = 0

/** A track, its artist, and listeners on both nodes. */
async function stage() {
  told += 1
  const ann = await testApp.signIn(`ann${told}`)
  const fans = await Promise.all(['bob', 'cid', 'eve'].map(name => testApp.signIn(`${name}${told}`)))
  const { id: trackId } = await makeTrack(ann.id)
  for (const { id } of fans) {
    await makeTrackLinkHolder(trackId, id)
    await Follow.create({ followerId: id, followeeId: ann.id, createdAt: new Date() })
  }
  const commentIds: string[] = []

  async function does({ who, what, visibility, which, transport }: Deed): Promise<Reply> {
    const person = [...fans, ann][who] ?? ann
    const [body, commentId] = [`so ${which % 40}`, commentIds[which % commentIds.length] ?? trackId]
    const words = which % 2 === 0 ? { title: `Title ${which % 5}` } : { genre: `Genre ${which % 5}` }
    const deeds: Record<typeof what, () => Promise<Reply>> = {
      like: () => person.request(likeTrack, { trackId }, { transport }),
      unlike: () => person.request(unlikeTrack, { trackId }, { transport }),
      repost: () => person.request(repostTrack, { trackId }, { transport }),
      unrepost: () => person.request(unrepostTrack, { trackId }, { transport }),
      comment: () => person.request(addComment, { trackId, body, positionMs: which }, { transport }),
      remove: () => person.request(deleteComment, { commentId }, { transport }),
      words: () => ann.request(updateTrack, { trackId, ...words }, { transport }),
      visibility: () => ann.request(updateTrack, { trackId, visibility }, { transport }),
    }
    const reply = await deeds[what]()
    if (what === 'comment' && reply.error === undefined) commentIds.push((reply.data as { id: string }).id)
    return reply
  }

  /** What `viewer` sees; for the artist also the position of their own channel. */
  async function fresh(
    viewer: Person,
    { transport }: Pick<Story<unknown>, 'transport'>,
  ): Promise<ReplicaStart<TrackReplica>> {
    const own = viewer === ann ? [(await takeSnapshot(ann, getMySnapshot, {}, transport)).position] : []
    const { data, position } = await takeSnapshot(viewer, getTrack, { trackId }, transport)
    const comments = await viewer.call(listComments, { trackId, limit: 50 }, { transport })
    return { state: { track: forAll(data), comments: comments.map(forAll) }, positions: [position, ...own] }
  }
  return { ann, fans, trackId, does, fresh }
}

/** Without the fields that depend on the viewer. */
function forAll<T extends { viewer?: unknown }>(seen: T): Omit<T, 'viewer'> {
  const facts = { ...seen }
  delete facts.viewer
  return facts
}

async function compare(mirror: Replica<TrackReplica>, fresh: () => Promise<ReplicaStart<TrackReplica>>): Promise<void> {
  await testApp.applyCounters()
  const now = await fresh()
  await mirror.waitFor(now)
  await waitUntil(() => mirror.state.track.counts.rev >= now.state.track.counts.rev)
  expect(mirror.state).toEqual(now.state)
}

it(
  'for a listener, a snapshot plus later events and counts equals a new snapshot',
  async () => {
    await checkStories(deedOf('public', 'unlisted', 'followers'), async story => {
      const { ann, fans, trackId, does, fresh } = await stage()
      const [, , eve = ann] = fans
      const ofEve = () => fresh(eve, story)
      await using mirror = await runStory(story, does, async () =>
        Replica.open(testApp, eve, await ofEve(), trackRules(trackId)),
      )
      await compare(mirror, ofEve)

      const ends = {
        hide: () => ann.call(updateTrack, { trackId, visibility: 'private' }),
        remove: () => ann.call(deleteTrack, { trackId }),
      }
      await ends[story.transport === 'rest' ? 'hide' : 'remove']()
      await waitUntil(() => mirror.followers[0]?.closeProblem?.code === 'not_found')
      expect(await eve.expectProblem(getTrack, { trackId })).toMatchObject({ code: 'not_found' })
    })
  },
  storiesTimeoutMs,
)

it(
  'for its artist, also over their own channel and while it is private',
  async () => {
    await checkStories(deedOf('public', 'unlisted', 'followers', 'private', 'private'), async story => {
      const { ann, trackId, does, fresh } = await stage()
      const ofAnn = () => fresh(ann, story)
      await using mirror = await runStory(story, does, async () =>
        Replica.open(testApp, ann, await ofAnn(), trackRules(trackId)),
      )
      await compare(mirror, ofAnn)
    })
  },
  storiesTimeoutMs,
)
