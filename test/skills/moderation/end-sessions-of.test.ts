import { randomUUID } from 'node:crypto'
import { endSessionsOf } from '../../../skills/moderation/end-sessions-of'
import { getMe } from '../../../skills/user-profile/get-me'
import { logged } from '../../announce'
import { until } from '../../kernel/until'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
let moderator: Person
let casts = 0
beforeAll(async () => {
  world = await freshWorld()
})
beforeEach(async () => {
  casts += 1
  moderator = await world.person(`mod${casts}`, { roles: ['moderator'] })
})
afterAll(() => world[Symbol.asyncDispose]())

const isOut = async (one: Person) => (await one.ask(getMe, {})).error?.code === 'session_revoked'

describe.each(doors)('a moderator over %s', door => {
  it('signs somebody out on all nodes, who hears nothing of who did it; a newer token is good again', async () => {
    const devices = [await world.person(`bob${casts}`, { node: 0 }), await world.person(`bob${casts}`, { node: 1 })]
    const [bob] = devices
    if (bob === undefined) throw new Error('nobody')
    const neighbour = await world.person(`eve${casts}`)
    const answer = await moderator.call(endSessionsOf, { profileId: bob.id }, { door })
    expect(answer).toEqual({ profileId: bob.id, until: expect.any(String) as unknown })
    for (const one of devices) await until(() => isOut(one))
    expect([await isOut(neighbour), await isOut(moderator)]).toEqual([false, false])
    const told = await logged(world.world, 'channel = :channel', { channel: `user:${bob.id}` })
    expect(told).toHaveLength(1)
    expect(JSON.stringify(told)).not.toContain(moderator.id)
    const [row] = await world.world.db.query<object>(
      'select ended_by as "endedBy" from revocations where profile_id = :id',
      { id: bob.id },
    )
    expect(row).toEqual({ endedBy: moderator.id })
    world.clock.advance(1_000)
    expect(await (await world.person(`bob${casts}`)).call(getMe, {})).toMatchObject({ id: bob.id })
  })

  it('may do so again, but not to nobody', async () => {
    const bob = await world.person(`carl${casts}`)
    const wish = { profileId: bob.id }
    await Promise.all([1, 2, 3].map(() => moderator.call(endSessionsOf, wish, { door })))
    expect(await moderator.refused(endSessionsOf, { profileId: randomUUID() }, { door })).toMatchObject({
      code: 'not_found',
    })
  })

  it('is a moderator: nobody else may, not even of themselves', async () => {
    const bob = await world.person(`dora${casts}`)
    expect(await bob.refused(endSessionsOf, { profileId: bob.id }, { door })).toMatchObject({ code: 'forbidden' })
    expect(await isOut(bob)).toBe(false)
  })
})
