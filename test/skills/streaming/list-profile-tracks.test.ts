import { Block } from '../../../models'
import { listProfileTracks } from '../../../skills/streaming/list-profile-tracks'
import { makeTrack } from '../../factories'
import { doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(doors)('the tracks of a profile over %s', door => {
  it('are all there for their artist, and for others only the listed ones', async () => {
    const [ann, bob] = [await world.person(`ann-${door}`), await world.person('bob')]
    const shown = await makeTrack(ann.id)
    const hidden = [
      await makeTrack(ann.id, { visibility: 'unlisted' }),
      await makeTrack(ann.id, { visibility: 'private' }),
      await makeTrack(ann.id, { state: 'processing', publishedAt: null }),
      await makeTrack(ann.id, { state: 'failed', publishedAt: null }),
    ]
    await makeTrack(ann.id, { removedAt: new Date() })
    const input = { profileId: ann.id }
    expect((await bob.call(listProfileTracks, input, { door })).map(({ id }) => id)).toEqual([shown.id])
    const own = await ann.call(listProfileTracks, input, { door })
    expect(own.map(({ id }) => id)).toEqual([...hidden.map(({ id }) => id).reverse(), shown.id])
    expect(own.map(({ viewer }) => viewer?.canEdit)).toEqual(own.map(() => true))
  })

  it('come in pages that new tracks do not move', async () => {
    const ann = await world.person(`many-${door}`)
    const at = new Date()
    const ids: string[] = []
    // Some of the very same moment.
    for (let index = 0; index < 7; index += 1)
      ids.push((await makeTrack(ann.id, { createdAt: new Date(at.getTime() - Math.floor(index / 3) * 1_000) })).id)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const input = { profileId: ann.id, limit: 2, ...(cursor === undefined ? {} : { cursor }) }
      const { data, page } = await ann.ask(listProfileTracks, input, { door })
      seen.push(...(data as { id: string }[]).map(({ id }) => id))
      cursor = page?.next ?? undefined
      await makeTrack(ann.id, { createdAt: new Date(at.getTime() + 10_000) })
    } while (cursor !== undefined)
    expect([...seen].sort()).toEqual([...ids].sort())
    expect(new Set(seen).size).toBe(7)
  })

  it('are not for whom the artist has blocked', async () => {
    const [ann, eve] = [await world.person('ann'), await world.person(`eve-${door}`)]
    await Block.create({ blockerId: ann.id, blockedId: eve.id, createdAt: new Date() })
    const problem = await eve.refused(listProfileTracks, { profileId: ann.id }, { door })
    expect(problem).toMatchObject({ code: 'not_found' })
    const cursor = Buffer.from('[1]').toString('base64url')
    const bad = await ann.refused(listProfileTracks, { profileId: ann.id, cursor }, { door })
    expect(bad).toMatchObject({ code: 'invalid_input', errors: [{ path: 'cursor' }] })
  })
})
