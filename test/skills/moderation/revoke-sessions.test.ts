import { randomUUID } from 'node:crypto'
import { revokeUserSessions } from '../../../skills/moderation/revoke-user-sessions'
import { getMe } from '../../../skills/user-profile/get-me'
import { readLoggedData } from '../../emit-numbers'
import { waitUntil } from '../../kernel/wait-until'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let moderator: Person
let casts = 0
beforeAll(async () => {
  testApp = await createTestApp()
})
beforeEach(async () => {
  casts += 1
  moderator = await testApp.signIn(`mod${casts}`, { roles: ['moderator'] })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const isOut = async (one: Person) => (await one.request(getMe, {})).error?.code === 'session_revoked'

describe.each(transports)('a moderator over %s', transport => {
  it('signs somebody out on all nodes, who hears nothing of who did it; a newer token is good again', async () => {
    const devices = [await testApp.signIn(`bob${casts}`, { node: 0 }), await testApp.signIn(`bob${casts}`, { node: 1 })]
    const [bob] = devices
    if (bob === undefined) throw new Error('nobody')
    const neighbour = await testApp.signIn(`eve${casts}`)
    const answer = await moderator.call(revokeUserSessions, { profileId: bob.id }, { transport })
    expect(answer).toEqual({ profileId: bob.id, until: expect.any(String) as unknown })
    for (const one of devices) await waitUntil(() => isOut(one))
    expect([await isOut(neighbour), await isOut(moderator)]).toEqual([false, false])
    const told = await readLoggedData(testApp.app, 'channel = :channel', { channel: `user:${bob.id}` })
    expect(told).toHaveLength(1)
    expect(JSON.stringify(told)).not.toContain(moderator.id)
    const [row] = await testApp.app.db.query<object>(
      'select revoked_by as "endedBy" from revocations where profile_id = :id',
      { id: bob.id },
    )
    expect(row).toEqual({ endedBy: moderator.id })
    testApp.clock.advance(1_000)
    expect(await (await testApp.signIn(`bob${casts}`)).call(getMe, {})).toMatchObject({ id: bob.id })
  })

  it('may do so again, but not to nobody', async () => {
    const bob = await testApp.signIn(`carl${casts}`)
    const wish = { profileId: bob.id }
    await Promise.all([1, 2, 3].map(() => moderator.call(revokeUserSessions, wish, { transport })))
    expect(await moderator.expectProblem(revokeUserSessions, { profileId: randomUUID() }, { transport })).toMatchObject(
      {
        code: 'not_found',
      },
    )
  })

  it('is a moderator: nobody else may, not even of themselves', async () => {
    const bob = await testApp.signIn(`dora${casts}`)
    expect(await bob.expectProblem(revokeUserSessions, { profileId: bob.id }, { transport })).toMatchObject({
      code: 'forbidden',
    })
    expect(await isOut(bob)).toBe(false)
  })
})
