import { type Actor, isModerator } from '../../../kernel/actor'
import { Block, type Track } from '../../../models'
import { isListed, maySeeTrack } from '../../../skills/streaming/rules'
import { isTrackListed, isTrackSeen } from '../../../skills/streaming/views'
import { makeTrack } from '../../factories'
import { type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

const visibilities = ['public', 'unlisted', 'private'] as const
const states = ['processing', 'ready', 'failed'] as const

let world: TestWorld
let owner: Person
let tracks: Track[]
beforeAll(async () => {
  world = await freshWorld({ nodes: 1 })
  owner = await world.person('owner')
  const removals = [null, new Date()]
  const kinds = visibilities.flatMap(visibility =>
    states.flatMap(state => removals.map(removedAt => ({ visibility, state, removedAt }))),
  )
  tracks = await Promise.all(kinds.map(kind => makeTrack(owner.id, kind)))
})
afterAll(() => world[Symbol.asyncDispose]())

/** The kinds of tracks that fit, as words. */
const words = (fitting: readonly Track[]) =>
  fitting
    .map(({ visibility, state, removedAt }) => `${visibility} ${state} ${removedAt === null ? '' : 'removed'}`)
    .sort()

async function found(where: string, names: Record<string, unknown> = {}): Promise<string[]> {
  const rows = await world.world.db.query<{ id: string }>(`select t.id from tracks t where ${where}`, names)
  return words(tracks.filter(({ id }) => rows.some(row => row.id === id)))
}

it.each([
  ['the owner', false],
  ['a stranger', false],
  ['a stranger', true],
  ['a moderator', false],
  ['a moderator', true],
  ['nobody', false],
])('the rule and its SQL let the same tracks be seen by %s, blocked: %s', async (who, isBlocked) => {
  const viewer = await viewerOf(who, `${who.replaceAll(' ', '-')}-${isBlocked}`)
  if (viewer !== null && isBlocked)
    await Block.create({ blockerId: owner.id, blockedId: viewer.id, createdAt: new Date() })
  const byRule = words(tracks.filter(track => maySeeTrack(viewer, track, isBlocked)))
  const names = { viewer: viewer?.id ?? null, moderates: isModerator(viewer) }
  expect(await found(isTrackSeen('t', ':viewer', ':moderates'), names)).toEqual(byRule)
})

it('the rule and its SQL list the same tracks', async () => {
  expect(await found(isTrackListed('t'))).toEqual(words(tracks.filter(isListed)))
})

async function viewerOf(who: string, name: string): Promise<Actor | null> {
  if (who === 'nobody') return null
  const roles = who === 'a moderator' ? ['moderator'] : []
  return { id: who === 'the owner' ? owner.id : (await world.person(name, { roles })).id, roles }
}
