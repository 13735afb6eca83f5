import { likeTrack } from '../../../skills/interactions/like-track'
import { repostTrack } from '../../../skills/interactions/repost-track'
import { unlikeTrack } from '../../../skills/interactions/unlike-track'
import { unrepostTrack } from '../../../skills/interactions/unrepost-track'
import { getTrack } from '../../../skills/streaming/get-track'
import { makeTrack } from '../../factories'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

it.each([
  ['likes', 'liked', likeTrack, unlikeTrack],
  ['reposts', 'reposted', repostTrack, unrepostTrack],
] as const)(
  '%s that are done and undone at once on two devices are counted as one or none',
  async (name, stance, done, undone) => {
    const ann = await world.person(`ann-${name}`)
    const devices = [
      await world.person(`bob-${name}`, { node: 0 }),
      await world.person(`bob-${name}`, { node: 1 }),
    ] as const
    const { id: trackId } = await makeTrack(ann.id)
    for (let round = 0; round < 10; round += 1) {
      const answers = await Promise.all([
        devices[0].call(done, { trackId }, { door: 'socket' }),
        devices[1].call(undone, { trackId }, { door: 'socket' }),
        devices[0].call(undone, { trackId }),
        devices[1].call(done, { trackId }),
      ])
      for (const answer of answers) expect(answer.counts[name]).toBe(answer[stance] ? 1 : 0)
    }
    await world.settle()
    const { counts, viewer } = await devices[0].call(getTrack, { trackId })
    expect(counts[name]).toBe(viewer?.[stance] === true ? 1 : 0)
  },
)
