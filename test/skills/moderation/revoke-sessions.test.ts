import { randomUUID } from 'node:crypto'
import { revokeUserSessions } from '../../../skills/moderation/revoke-user-sessions'
import { getMe } from '../../../skills/user-profile/get-me'
import { readLoggedData } from '../../emit-numbers'
import { waitUntil } from '../../kernel/wait-until'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let moderator: Person
let testCount = 0
beforeAll(async () => {
  testApp = await createTestApp()
})
beforeEach(async () => {
  testCount += 1
  moderator = await testApp.signIn(`mod${testCount}`, { roles: ['moderator'] })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const isRevoked = async (one: Person) => (await one.request(getMe, {})).error?.code === 'session_revoked'

describe.each(transports)("revoking a user's sessions over %s", transport => {
  it('revokes them on all nodes without naming the moderator, and newer tokens are accepted', async () => {
    const devices = [
      await testApp.signIn(`bob${testCount}`, { node: 0 }),
      await testApp.signIn(`bob${testCount}`, { node: 1 }),
    ]
    const [bob] = devices
    if (bob === undefined) throw new Error('no device')
    const neighbour = await testApp.signIn(`eve${testCount}`)
    const answer = await moderator.call(revokeUserSessions, { profileId: bob.id }, { transport })
    expect(answer).toEqual({ profileId: bob.id, until: expect.any(String) as unknown })
    for (const one of devices) await waitUntil(() => isRevoked(one))
    expect([await isRevoked(neighbour), await isRevoked(moderator)]).toEqual([false, false])
    const events = await readLoggedData(testApp.app, 'channel = :channel', { channel: `user:${bob.id}` })
    expect(events).toHaveLength(1)
    expect(JSON.stringify(events)).not.toContain(moderator.id)
    const [row] = await testApp.app.db.query<object>(
      'select revoked_by as "revokedBy" from revocations where profile_id = :id',
      { id: bob.id },
    )
    expect(row).toEqual({ revokedBy: moderator.id })
    testApp.clock.advance(1_000)
    expect(await (await testApp.signIn(`bob${testCount}`)).call(getMe, {})).toMatchObject({ id: bob.id })
  })

  it('may be repeated, and answers not_found for an unknown profile', async () => {
    const bob = await testApp.signIn(`carl${testCount}`)
    const input = { profileId: bob.id }
    await Promise.all([1, 2, 3].map(() => moderator.call(revokeUserSessions, input, { transport })))
    expect(await moderator.expectProblem(revokeUserSessions, { profileId: randomUUID() }, { transport })).toMatchObject(
      {
        code: 'not_found',
      },
    )
  })

  it("is refused to others, also for one's own sessions", async () => {
    const bob = await testApp.signIn(`dora${testCount}`)
    expect(await bob.expectProblem(revokeUserSessions, { profileId: bob.id }, { transport })).toMatchObject({
      code: 'forbidden',
    })
    expect(await isRevoked(bob)).toBe(false)
  })
})
