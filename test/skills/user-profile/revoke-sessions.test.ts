import { revokeSessions } from '../../../skills/user-profile/revoke-sessions'
import { getMe } from '../../../skills/user-profile/get-me'
import { waitUntil } from '../../kernel/wait-until'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let testCount = 0
let name: string
beforeAll(async () => {
  testApp = await createTestApp()
})
beforeEach(() => {
  testCount += 1
  name = `ann${testCount}`
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** The same person with a token of another session, on another node each time. */
const device = (sid?: string) => testApp.signIn(name, sid === undefined ? { claims: { sid } } : { sid })
const isRevoked = async (one: Person) => (await one.request(getMe, {})).error?.code === 'session_revoked'
const rows = () =>
  testApp.app.db.query<object>(
    `select session_id as "sessionId", except_session_id as "exceptSessionId", revoked_by = profile_id as "bySelf", issued_until as "until"
     from revocations join profiles on profiles.id = profile_id where subject = :name order by revocations.id`,
    { name },
  )

describe.each(transports)('revoking sessions over %s', transport => {
  it('revokes all by default, and answers until when tokens are refused', async () => {
    const [phone, laptop] = [await device('phone'), await device('laptop')]
    const before = testApp.clock.now()
    const { until: instant } = await phone.call(revokeSessions, {}, { transport })
    expect(Date.parse(instant)).toBeGreaterThanOrEqual(before)
    for (const one of [phone, laptop]) await waitUntil(() => isRevoked(one))
    expect(await rows()).toEqual([{ sessionId: null, exceptSessionId: null, bySelf: true, until: new Date(instant) }])
    testApp.clock.advance(1_000)
    expect((await (await device('phone')).call(getMe, {})).id).toBe(phone.id)
  })

  it('revokes one by its id, and no other', async () => {
    const [phone, laptop] = [await device('phone'), await device('laptop')]
    await phone.call(revokeSessions, { sessionId: 'laptop' }, { transport })
    await waitUntil(() => isRevoked(laptop))
    expect(await isRevoked(phone)).toBe(false)
    await phone.call(revokeSessions, { sessionId: 'unknown' }, { transport })
    expect(await rows()).toMatchObject([{ sessionId: 'laptop' }, { sessionId: 'unknown' }])
  })

  it('revokes all but the calling session, also when requested several times at once', async () => {
    const [phone, laptop] = [await device('phone'), await device('laptop')]
    await Promise.all([1, 2, 3].map(() => phone.call(revokeSessions, { scope: 'others' }, { transport })))
    await waitUntil(() => isRevoked(laptop))
    expect(await isRevoked(phone)).toBe(false)
    expect(await rows()).toMatchObject([1, 2, 3].map(() => ({ sessionId: null, exceptSessionId: 'phone' })))
  })

  it('cannot except a session without an id, but can revoke it', async () => {
    const nameless = await device()
    expect(await nameless.expectProblem(revokeSessions, { scope: 'others' }, { transport })).toMatchObject({
      status: 409,
      code: 'session_id_missing',
    })
    expect(await isRevoked(nameless)).toBe(false)
    await nameless.call(revokeSessions, { scope: 'all' }, { transport })
    await waitUntil(() => isRevoked(nameless))
  })

  it('takes either a scope or a session, and no other scope', async () => {
    const phone = await device('phone')
    const both = { scope: 'others', sessionId: 'x' } as const
    expect(await phone.expectProblem(revokeSessions, both, { transport })).toMatchObject({
      code: 'invalid_input',
      errors: [{ path: 'sessionId', code: 'mutually_exclusive' }],
    })
    for (const bad of [{ scope: 'nowhere' }, { sessionId: '' }, { sessionId: 'x'.repeat(256) }, { sessionId: 7 }])
      expect(await phone.expectProblem(revokeSessions, bad, { transport })).toMatchObject({
        status: 400,
        code: 'invalid_input',
      })
    expect(await rows()).toEqual([])
  })
})

it('limits revocations of single sessions per day; all of them can still be revoked at once', async () => {
  const phone = await device('phone')
  await testApp.app.db.query(
    `insert into revocations (profile_id, session_id, issued_until)
     select :id, 's' || n, now() from generate_series(1, 200) as n`,
    { id: phone.id },
  )
  expect(await phone.expectProblem(revokeSessions, { sessionId: 'x' })).toMatchObject({
    status: 429,
    retryAfter: 3_600,
  })
  expect(await phone.call(revokeSessions, { scope: 'others' })).toHaveProperty('until')
})

it('a job deletes revocations after every token they refuse has expired', async () => {
  const phone = await device('phone')
  await phone.call(revokeSessions, { sessionId: 'x' })
  await testApp.app.db.query(
    `update revocations set issued_until = issued_until - interval '25 hours' where profile_id = :id`,
    {
      id: phone.id,
    },
  )
  await phone.call(revokeSessions, { sessionId: 'y' })
  await testApp.app.db.query(`select graphile_worker.add_job('user-profile.deleteExpiredRevocations', payload := '{}')`)
  await testApp.runJobs()
  expect(await rows()).toMatchObject([{ sessionId: 'y' }])
})
