import { newId } from '../../../kernel/pipeline/new-id'
import { Repost, type Track } from '../../../models'
import { getFeed } from '../../../skills/feed/get-feed'
import { repostTrack } from '../../../skills/interactions/repost-track'
import { unrepostTrack } from '../../../skills/interactions/unrepost-track'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { updateTrack } from '../../../skills/tracks/update-track'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { unfollowProfile } from '../../../skills/user-profile/unfollow-profile'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

let people = 0
const someone = (name: string) => testApp.signIn(`${name}${(people += 1)}`)
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)
const publishedBefore = (artist: Person, minutes: number, options: Partial<Track['_creationAttributes']> = {}) =>
  makeTrack(artist.id, { publishedAt: minutesAgo(minutes), ...options })
const repostedBefore = (person: Person, { id: trackId }: Track, minutes: number) =>
  Repost.create({ trackId, profileId: person.id, createdAt: minutesAgo(minutes) })

/** A viewer, two artists the viewer follows, and one the viewer does not follow. */
async function createViewerAndArtists() {
  const viewer = await someone('viewer')
  const [ann, bob, stranger] = [await someone('ann'), await someone('bob'), await someone('stranger')]
  for (const { id: profileId } of [ann, bob]) await viewer.call(followProfile, { profileId })
  return { viewer, ann, bob, stranger }
}

const idsOf = async (viewer: Person, input: { only?: 'published' } = {}) =>
  (await viewer.call(getFeed, input)).map(({ track }) => track.id)

describe.each(transports)('the feed over %s', transport => {
  it('lists tracks that the viewer and followed profiles published or reposted, newest first', async () => {
    const { viewer, ann, bob, stranger } = await createViewerAndArtists()
    const published = await publishedBefore(ann, 3)
    const own = await publishedBefore(viewer, 4)
    const foreign = await publishedBefore(stranger, 90)
    await publishedBefore(stranger, 1)
    await bob.call(repostTrack, { trackId: foreign.id })
    const feed = await viewer.call(getFeed, {}, { transport })
    expect(feed.map(({ track, reason, actors }) => [track.id, reason, actors.map(({ id }) => id)])).toEqual([
      [foreign.id, 'reposted', [bob.id]],
      [published.id, 'published', [ann.id]],
      [own.id, 'published', [viewer.id]],
    ])
    expect(feed[1]).toMatchObject({
      at: published.publishedAt?.toISOString(),
      actorCount: 1,
      track: { owner: { id: ann.id }, viewer: { liked: false, canEdit: false } },
    })
    const withoutReposts = await viewer.call(getFeed, { only: 'published' }, { transport })
    expect(withoutReposts).toEqual(feed.slice(1))
  })

  it('pages list each track once, unaffected by new tracks', async () => {
    const { viewer, ann, bob, stranger } = await createViewerAndArtists()
    const expected: string[] = []
    for (let index = 0; index < 6; index += 1) {
      const track = await publishedBefore(index % 2 === 0 ? ann : stranger, 10 + index)
      if (index % 2 === 1) await repostedBefore(ann, track, 10 + index)
      await repostedBefore(bob, track, index)
      expected.push(track.id)
    }
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const input = cursor === undefined ? { limit: 2 } : { limit: 2, cursor }
      const { data, page } = await viewer.request(getFeed, input, { transport })
      seen.push(...(data as { track: { id: string } }[]).map(({ track }) => track.id))
      cursor = page?.next ?? undefined
      await publishedBefore(ann, 0)
    } while (cursor !== undefined)
    expect(seen).toEqual(expected)
  })
})

describe('a track published and reposted by several followed profiles', () => {
  it('is one row, dated by the earliest, with the earliest three actors; a later repost does not move it up', async () => {
    const { viewer, ann, bob, stranger } = await createViewerAndArtists()
    const more = [await someone('cat'), await someone('dan')]
    for (const { id: profileId } of more) await viewer.call(followProfile, { profileId })
    const old = await publishedBefore(ann, 60)
    const foreign = await publishedBefore(stranger, 600)
    const between = await publishedBefore(ann, 30)
    await repostedBefore(stranger, foreign, 500)
    for (const [index, person] of [bob, ann, ...more].entries()) {
      if (person !== ann) await repostedBefore(person, old, 20 - index)
      await repostedBefore(person, foreign, 40 - index)
    }
    const feed = await viewer.call(getFeed, {})
    expect(feed.map(({ track, reason }) => [track.id, reason])).toEqual([
      [between.id, 'published'],
      [foreign.id, 'reposted'],
      [old.id, 'published'],
    ])
    expect(feed[1]?.actors.map(({ id }) => id)).toEqual([bob.id, ann.id, more[0]?.id])
    expect(feed[2]?.actors.map(({ id }) => id)).toEqual([ann.id, bob.id, more[0]?.id])
    expect(feed.map(({ actorCount }) => actorCount)).toEqual([1, 4, 4])
  })

  it('is one row when all repost it at the same instant', async () => {
    const { viewer, ann, bob, stranger } = await createViewerAndArtists()
    const track = await publishedBefore(stranger, 5)
    const createdAt = minutesAgo(1)
    for (const { id: profileId } of [ann, bob]) await Repost.create({ trackId: track.id, profileId, createdAt })
    expect(await viewer.call(getFeed, {})).toEqual([expect.objectContaining({ actorCount: 2 })])
  })

  it('stays until the last of them undoes the repost or is unfollowed', async () => {
    const { viewer, ann, bob, stranger } = await createViewerAndArtists()
    const track = await publishedBefore(stranger, 5)
    await ann.call(repostTrack, { trackId: track.id })
    await bob.call(repostTrack, { trackId: track.id })
    await ann.call(unrepostTrack, { trackId: track.id })
    expect(await viewer.call(getFeed, {})).toEqual([expect.objectContaining({ actorCount: 1 })])
    await viewer.call(unfollowProfile, { profileId: bob.id })
    expect(await idsOf(viewer)).toEqual([])
  })
})

describe('tracks the viewer may not see', () => {
  it('are left out: only tracks that are public, ready and not deleted are listed', async () => {
    const { viewer, ann } = await createViewerAndArtists()
    await publishedBefore(ann, 1, { visibility: 'unlisted' })
    await publishedBefore(ann, 1, { visibility: 'private' })
    await publishedBefore(ann, 1, { state: 'failed' })
    const hidden = await publishedBefore(ann, 2)
    const removed = await publishedBefore(ann, 3)
    expect(await idsOf(viewer)).toEqual([hidden.id, removed.id])
    await ann.call(updateTrack, { trackId: hidden.id, visibility: 'private' })
    await ann.call(deleteTrack, { trackId: removed.id })
    expect(await idsOf(viewer)).toEqual([])
  })

  it('are left out across a block in either direction, also when somebody else reposted them', async () => {
    const { viewer, ann, bob, stranger } = await createViewerAndArtists()
    const foreign = await publishedBefore(stranger, 2)
    const another = await publishedBefore(bob, 1)
    await ann.call(repostTrack, { trackId: foreign.id })
    await ann.call(repostTrack, { trackId: another.id })
    expect(await idsOf(viewer)).toHaveLength(2)
    await stranger.call(blockProfile, { profileId: viewer.id })
    expect(await idsOf(viewer)).toEqual([another.id])
    await viewer.call(blockProfile, { profileId: bob.id })
    expect(await idsOf(viewer)).toEqual([])
  })

  it('are left out after the viewer unfollows their owner', async () => {
    const { viewer, ann } = await createViewerAndArtists()
    await publishedBefore(ann, 1)
    await viewer.call(unfollowProfile, { profileId: ann.id })
    expect(await idsOf(viewer)).toEqual([])
  })
})

it('rejects an unknown filter and a cursor of another list', async () => {
  const { viewer } = await createViewerAndArtists()
  expect(await viewer.expectProblem(getFeed, { only: 'reposted' })).toMatchObject({ code: 'invalid_input' })
  const cursor = Buffer.from(JSON.stringify(['x', newId(new Date())])).toString('base64url')
  expect(await viewer.expectProblem(getFeed, { cursor })).toMatchObject({ code: 'invalid_input' })
})
