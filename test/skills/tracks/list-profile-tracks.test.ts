import { Block } from '../../../models'
import { listProfileTracks } from '../../../skills/tracks/list-profile-tracks'
import { makeTrack } from '../../factories'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe.each(transports)('the tracks of a profile over %s', transport => {
  it('are all listed for their artist, and only listed ones for others', async () => {
    const [ann, bob] = [await testApp.signIn(`ann-${transport}`), await testApp.signIn('bob')]
    const shown = await makeTrack(ann.id)
    const hidden = [
      await makeTrack(ann.id, { visibility: 'unlisted' }),
      await makeTrack(ann.id, { visibility: 'private' }),
      await makeTrack(ann.id, { state: 'processing', publishedAt: null }),
      await makeTrack(ann.id, { state: 'failed', publishedAt: null }),
    ]
    await makeTrack(ann.id, { deletedAt: new Date() })
    const input = { profileId: ann.id }
    expect((await bob.call(listProfileTracks, input, { transport })).map(({ id }) => id)).toEqual([shown.id])
    const own = await ann.call(listProfileTracks, input, { transport })
    expect(own.map(({ id }) => id)).toEqual([...hidden.map(({ id }) => id).reverse(), shown.id])
    expect(own.map(({ viewer }) => viewer?.canEdit)).toEqual(own.map(() => true))
  })

  it('come in pages unaffected by new tracks', async () => {
    const ann = await testApp.signIn(`many-${transport}`)
    const at = new Date()
    const ids: string[] = []
    // Some have the same created_at.
    for (let index = 0; index < 7; index += 1)
      ids.push((await makeTrack(ann.id, { createdAt: new Date(at.getTime() - Math.floor(index / 3) * 1_000) })).id)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const input = { profileId: ann.id, limit: 2, ...(cursor === undefined ? {} : { cursor }) }
      const { data, page } = await ann.request(listProfileTracks, input, { transport })
      seen.push(...(data as { id: string }[]).map(({ id }) => id))
      cursor = page?.next ?? undefined
      await makeTrack(ann.id, { createdAt: new Date(at.getTime() + 10_000) })
    } while (cursor !== undefined)
    expect([...seen].sort()).toEqual([...ids].sort())
    expect(new Set(seen).size).toBe(7)
  })

  it('answer not_found to a profile the artist blocks', async () => {
    const [ann, eve] = [await testApp.signIn('ann'), await testApp.signIn(`eve-${transport}`)]
    await Block.create({ blockerId: ann.id, blockedId: eve.id, createdAt: new Date() })
    const problem = await eve.expectProblem(listProfileTracks, { profileId: ann.id }, { transport })
    expect(problem).toMatchObject({ code: 'not_found' })
    const cursor = Buffer.from('[1]').toString('base64url')
    const bad = await ann.expectProblem(listProfileTracks, { profileId: ann.id, cursor }, { transport })
    expect(bad).toMatchObject({ code: 'invalid_input', errors: [{ path: 'cursor' }] })
  })
})
