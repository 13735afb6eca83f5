import { likeTrack } from '../../../skills/interactions/like-track'
import { repostTrack } from '../../../skills/interactions/repost-track'
import { unlikeTrack } from '../../../skills/interactions/unlike-track'
import { unrepostTrack } from '../../../skills/interactions/unrepost-track'
import { getTrack } from '../../../skills/tracks/get-track'
import { makeTrack } from '../../factories'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

it.each([
  ['likes', 'liked', likeTrack, unlikeTrack],
  ['reposts', 'reposted', repostTrack, unrepostTrack],
] as const)(
  '%s set and unset concurrently on two devices count as one or none',
  async (name, field, setReaction, unsetReaction) => {
    const ann = await testApp.signIn(`ann-${name}`)
    const devices = [
      await testApp.signIn(`bob-${name}`, { node: 0 }),
      await testApp.signIn(`bob-${name}`, { node: 1 }),
    ] as const
    const { id: trackId } = await makeTrack(ann.id)
    for (let round = 0; round < 10; round += 1) {
      const answers = await Promise.all([
        devices[0].call(setReaction, { trackId }, { transport: 'socket' }),
        devices[1].call(unsetReaction, { trackId }, { transport: 'socket' }),
        devices[0].call(unsetReaction, { trackId }),
        devices[1].call(setReaction, { trackId }),
      ])
      for (const answer of answers) expect(answer.counts[name]).toBe(answer[field] ? 1 : 0)
    }
    await testApp.applyCounters()
    const { counts, viewer } = await devices[0].call(getTrack, { trackId })
    expect(counts[name]).toBe(viewer?.[field] === true ? 1 : 0)
  },
)
