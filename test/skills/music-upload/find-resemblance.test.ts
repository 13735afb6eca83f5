import { listMatches } from '../../../skills/music-upload/list-matches'
import { removeTrack } from '../../../skills/music-upload/remove-track'
import { getAudioFacts } from '../../../skills/streaming/get-audio-facts'
import { makeSound, remade } from '../../audio'
import { type Person } from '../../people'
import { melody } from '../../sound'
import { freshWorld, type TestWorld } from '../../world'
import { upload } from './uploading'

const asMp3 = ['-b:a', '96k']

let world: TestWorld
let eve: Person
let bob: Person
let moderator: Person
let ffmpeg: string
beforeAll(async () => {
  world = await freshWorld()
  eve = await world.person('eve')
  bob = await world.person('bob')
  moderator = await world.person('mod', { roles: ['moderator'] })
  ffmpeg = world.world.config.tools.ffmpeg
})
afterAll(() => world[Symbol.asyncDispose]())

it('tells moderators of the same recording by somebody else, owners of their own, and nobody of anything else', async () => {
  const { trackId: first } = await upload(world, eve, await makeSound(ffmpeg, melody(3, 10), asMp3, 'mp3'))
  const recoded = await remade(ffmpeg, await makeSound(ffmpeg, melody(3, 10), asMp3, 'mp3'), ['-b:a', '80k'], 'm4a')
  const { trackId: copied } = await upload(world, bob, recoded)
  const { trackId: again } = await upload(world, eve, recoded)
  await upload(world, bob, await makeSound(ffmpeg, melody(4, 10), asMp3, 'mp3'))

  const own = async (person: Person, trackId: string) => (await person.call(getAudioFacts, { trackId })).own?.resembles
  expect(await own(eve, first)).toEqual([again])
  expect(await own(eve, again)).toEqual([first])
  expect(await own(bob, copied)).toEqual([])

  const pairs = async () =>
    (await moderator.call(listMatches, {})).map(({ track, resembles }) => [track.id, resembles.id])
  expect(await pairs()).toEqual([
    [again, copied],
    [copied, first],
  ])
  const [{ difference } = { difference: 1 }] = await moderator.call(listMatches, {})
  expect(difference).toBeLessThan(0.05)
  const { page, data } = await moderator.ask(listMatches, { limit: 1 })
  expect(data).toHaveLength(1)
  const next = await moderator.call(listMatches, { limit: 1, cursor: page?.next ?? '' })
  expect(next.map(({ track }) => track.id)).toEqual([copied])

  await eve.call(removeTrack, { trackId: again })
  expect(await pairs()).toEqual([[copied, first]])
  expect(await bob.refused(listMatches, {})).toMatchObject({ code: 'forbidden' })
}, 60_000)

it('finds the very same file of somebody else, also when it is too short for a fingerprint', async () => {
  const short = await makeSound(ffmpeg, melody(7, 2), asMp3, 'mp3')
  const { trackId: first } = await upload(world, eve, short)
  const { trackId: copied } = await upload(world, bob, short)
  const matches = await moderator.call(listMatches, {})
  const match = matches.find(({ track }) => track.id === copied)
  expect(match).toMatchObject({ resembles: { id: first }, difference: 0 })
}, 60_000)
