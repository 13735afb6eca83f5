import fc from 'fast-check'
import { Follow } from '../../models'
import { type Visibility } from '../../models/track'
import { addComment } from '../../skills/interactions/add-comment'
import { likeTrack } from '../../skills/interactions/like-track'
import { listComments } from '../../skills/interactions/list-comments'
import { removeComment } from '../../skills/interactions/remove-comment'
import { repostTrack } from '../../skills/interactions/repost-track'
import { unlikeTrack } from '../../skills/interactions/unlike-track'
import { unrepostTrack } from '../../skills/interactions/unrepost-track'
import { removeTrack } from '../../skills/music-upload/remove-track'
import { updateTrack } from '../../skills/music-upload/update-track'
import { getMySnapshot } from '../../skills/notifications/get-my-snapshot'
import { getTrack } from '../../skills/streaming/get-track'
import { makeGuest, makeTrack } from '../factories'
import { until } from '../kernel/until'
import { doors, type Person, type Reply } from '../people'
import { freshWorld, type TestWorld } from '../world'
import { type Fresh, Mirror, take } from './mirror'
import { holdsFor, storiesWithinMs, type Story, tell } from './stories'
import { type TrackCopy, trackRules } from './track-copy'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const deedOf = (...visibilities: Visibility[]) =>
  fc.record({
    who: fc.nat(3),
    what: fc.constantFrom(
      ...(['like', 'like', 'unlike', 'repost', 'unrepost'] as const),
      ...(['comment', 'comment', 'remove', 'words', 'visibility'] as const),
    ),
    visibility: fc.constantFrom(...visibilities),
    which: fc.nat(1_000),
    door: fc.constantFrom(...doors),
  })
type Deed = ReturnType<typeof deedOf> extends fc.Arbitrary<infer D> ? D : never

let told = 0

/** A track, its artist, and some listeners on both nodes. */
async function stage() {
  told += 1
  const ann = await world.person(`ann${told}`)
  const fans = await Promise.all(['bob', 'cid', 'eve'].map(name => world.person(`${name}${told}`)))
  const { id: trackId } = await makeTrack(ann.id)
  for (const { id } of fans) {
    await makeGuest(trackId, id)
    await Follow.create({ followerId: id, followeeId: ann.id, createdAt: new Date() })
  }
  const commentIds: string[] = []

  async function does({ who, what, visibility, which, door }: Deed): Promise<Reply> {
    const person = [...fans, ann][who] ?? ann
    const [body, commentId] = [`so ${which % 40}`, commentIds[which % commentIds.length] ?? trackId]
    const words = which % 2 === 0 ? { title: `Title ${which % 5}` } : { genre: `Genre ${which % 5}` }
    const deeds: Record<typeof what, () => Promise<Reply>> = {
      like: () => person.ask(likeTrack, { trackId }, { door }),
      unlike: () => person.ask(unlikeTrack, { trackId }, { door }),
      repost: () => person.ask(repostTrack, { trackId }, { door }),
      unrepost: () => person.ask(unrepostTrack, { trackId }, { door }),
      comment: () => person.ask(addComment, { trackId, body, positionMs: which }, { door }),
      remove: () => person.ask(removeComment, { commentId }, { door }),
      words: () => ann.ask(updateTrack, { trackId, ...words }, { door }),
      visibility: () => ann.ask(updateTrack, { trackId, visibility }, { door }),
    }
    const reply = await deeds[what]()
    if (what === 'comment' && reply.error === undefined) commentIds.push((reply.data as { id: string }).id)
    return reply
  }

  /** What `viewer` is shown; also of the artist's own channel for the artist. */
  async function fresh(viewer: Person, { door }: Pick<Story<unknown>, 'door'>): Promise<Fresh<TrackCopy>> {
    const own = viewer === ann ? [(await take(ann, getMySnapshot, {}, door)).place] : []
    const { data, place } = await take(viewer, getTrack, { trackId }, door)
    const comments = await viewer.call(listComments, { trackId, limit: 50 }, { door })
    return { state: { track: forAll(data), comments: comments.map(forAll) }, places: [place, ...own] }
  }
  return { ann, fans, trackId, does, fresh }
}

/** Without what it is to the one who looks. */
function forAll<T extends { viewer?: unknown }>(seen: T): Omit<T, 'viewer'> {
  const facts = { ...seen }
  delete facts.viewer
  return facts
}

async function compare(mirror: Mirror<TrackCopy>, fresh: () => Promise<Fresh<TrackCopy>>): Promise<void> {
  await world.settle()
  const now = await fresh()
  await mirror.reaches(now)
  await until(() => mirror.state.track.counts.rev >= now.state.track.counts.rev)
  expect(mirror.state).toEqual(now.state)
}

it(
  'a listener: a snapshot, the events and the newest counts since are a fresh snapshot',
  async () => {
    await holdsFor(deedOf('public', 'unlisted', 'followers'), async story => {
      const { ann, fans, trackId, does, fresh } = await stage()
      const [, , eve = ann] = fans
      const ofEve = () => fresh(eve, story)
      await using mirror = await tell(story, does, async () =>
        Mirror.open(world, eve, await ofEve(), trackRules(trackId)),
      )
      await compare(mirror, ofEve)

      const ends = {
        hide: () => ann.call(updateTrack, { trackId, visibility: 'private' }),
        remove: () => ann.call(removeTrack, { trackId }),
      }
      await ends[story.door === 'rest' ? 'hide' : 'remove']()
      await until(() => mirror.followers[0]?.closed?.code === 'not_found')
      expect(await eve.refused(getTrack, { trackId })).toMatchObject({ code: 'not_found' })
    })
  },
  storiesWithinMs,
)

it(
  'its artist, with their own channel, also while it is private',
  async () => {
    await holdsFor(deedOf('public', 'unlisted', 'followers', 'private', 'private'), async story => {
      const { ann, trackId, does, fresh } = await stage()
      const ofAnn = () => fresh(ann, story)
      await using mirror = await tell(story, does, async () =>
        Mirror.open(world, ann, await ofAnn(), trackRules(trackId)),
      )
      await compare(mirror, ofAnn)
    })
  },
  storiesWithinMs,
)
