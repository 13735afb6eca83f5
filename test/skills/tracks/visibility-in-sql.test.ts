import { type Actor, isModerator } from '../../../kernel/pipeline/actor'
import { Block, Follow, type Track, TrackLinkHolder } from '../../../models'
import { isListed, isListedToFollowers, maySeeTrack } from '../../../skills/tracks/rules'
import {
  isTrackListedSql,
  isTrackListedForSql,
  isTrackListedToFollowersSql,
  isTrackVisibleSql,
  viewerRelationColumns,
  filterVisibleTracks,
} from '../../../skills/tracks/views'
import { makeTrack } from '../../factories'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

const visibilities = ['public', 'followers', 'unlisted', 'private'] as const
const states = ['processing', 'ready', 'failed'] as const

let testApp: TestApp
let owner: Person
let tracks: Track[]
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
  owner = await testApp.signIn('owner')
  const removals = [null, new Date()]
  const kinds = visibilities.flatMap(visibility =>
    states.flatMap(state => removals.map(deletedAt => ({ visibility, state, deletedAt }))),
  )
  tracks = await Promise.all(kinds.map(kind => makeTrack(owner.id, kind)))
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** The kinds of the given tracks as sorted text. */
const describeTracks = (fitting: readonly Track[]) =>
  fitting
    .map(({ visibility, state, deletedAt }) => `${visibility} ${state} ${deletedAt === null ? '' : 'removed'}`)
    .sort()

async function queryTracks(where: string, names: Record<string, unknown> = {}): Promise<string[]> {
  const rows = await testApp.app.db.query<{ id: string }>(`select t.id from tracks t where ${where}`, names)
  return describeTracks(tracks.filter(({ id }) => rows.some(row => row.id === id)))
}

describe.each(['the owner', 'a follower', 'a guest', 'a stranger', 'a moderator', 'nobody'])('%s', who => {
  it.each([false, true])(
    'sees the same tracks by the rule, its SQL and the relation columns, blocked: %s',
    async isBlocked => {
      const viewer = await createViewer(who, `${who.replaceAll(' ', '-')}-${isBlocked}`)
      const relation = {
        isBlocked: isBlocked && viewer !== null && who !== 'the owner',
        isFollower: who === 'a follower',
        isLinkHolder: who === 'a guest',
      }
      if (viewer !== null) await createRelation(viewer.id, relation)
      const byRule = describeTracks(tracks.filter(track => maySeeTrack(viewer, track, relation)))
      const names = { viewer: viewer?.id ?? null, moderates: isModerator(viewer) }
      expect(await queryTracks(isTrackVisibleSql('t', ':viewer', ':moderates'), names)).toEqual(byRule)
      expect(describeTracks(await filterVisibleTracks(tracks, { actor: viewer }))).toEqual(byRule)

      const columns = await testApp.app.db.query<{ id: string } & typeof relation>(
        `select t.id, ${viewerRelationColumns('t', 'cast(:viewer as uuid)')} from tracks t`,
        names,
      )
      const relationById = new Map(columns.map(({ id, ...columnsOf }) => [id, columnsOf]))
      const byColumns = tracks.filter(track => maySeeTrack(viewer, track, relationById.get(track.id) ?? relation))
      expect(describeTracks(byColumns)).toEqual(byRule)
      if (who === 'a follower' || who === 'a stranger')
        expect(await queryTracks(isTrackListedForSql('t', ':viewer'), names)).toEqual(
          describeTracks(tracks.filter(who === 'a follower' ? isListedToFollowers : isListed)),
        )
    },
  )
})

it('the rules and their SQL list the same tracks', async () => {
  expect(await queryTracks(isTrackListedSql('t'))).toEqual(describeTracks(tracks.filter(isListed)))
  expect(await queryTracks(isTrackListedToFollowersSql('t'))).toEqual(
    describeTracks(tracks.filter(isListedToFollowers)),
  )
})

async function createRelation(
  id: string,
  is: { isBlocked: boolean; isFollower: boolean; isLinkHolder: boolean },
): Promise<void> {
  const createdAt = new Date()
  if (is.isBlocked) await Block.create({ blockerId: owner.id, blockedId: id, createdAt })
  if (is.isFollower) await Follow.create({ followerId: id, followeeId: owner.id, createdAt })
  if (is.isLinkHolder)
    await TrackLinkHolder.bulkCreate(tracks.map(track => ({ trackId: track.id, profileId: id, createdAt })))
}

async function createViewer(who: string, name: string): Promise<Actor | null> {
  if (who === 'nobody') return null
  const roles = who === 'a moderator' ? ['moderator'] : []
  return { id: who === 'the owner' ? owner.id : (await testApp.signIn(name, { roles })).id, roles }
}
