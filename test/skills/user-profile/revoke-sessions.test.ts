import { revokeSessions } from '../../../skills/user-profile/revoke-sessions'
import { getMe } from '../../../skills/user-profile/get-me'
import { waitUntil } from '../../kernel/wait-until'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let casts = 0
let name: string
beforeAll(async () => {
  testApp = await createTestApp()
})
beforeEach(() => {
  casts += 1
  name = `ann${casts}`
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** The same person with a token of another session, on another node each time. */
const device = (sid?: string) => testApp.signIn(name, sid === undefined ? { claims: { sid } } : { sid })
const isOut = async (one: Person) => (await one.request(getMe, {})).error?.code === 'session_revoked'
const rows = () =>
  testApp.app.db.query<object>(
    `select session_id as "sessionId", except_session_id as "exceptSessionId", revoked_by = profile_id as "bySelf", until
     from revocations join profiles on profiles.id = profile_id where subject = :name order by revocations.id`,
    { name },
  )

describe.each(transports)('ending sessions over %s', transport => {
  it('ends all of them, unless told otherwise, and answers until when tokens are refused', async () => {
    const [phone, laptop] = [await device('phone'), await device('laptop')]
    const before = testApp.clock.now()
    const { until: instant } = await phone.call(revokeSessions, {}, { transport })
    expect(Date.parse(instant)).toBeGreaterThanOrEqual(before)
    for (const one of [phone, laptop]) await waitUntil(() => isOut(one))
    expect(await rows()).toEqual([{ sessionId: null, exceptSessionId: null, bySelf: true, until: new Date(instant) }])
    testApp.clock.advance(1_000)
    expect((await (await device('phone')).call(getMe, {})).id).toBe(phone.id)
  })

  it('ends one by its name, and lets the others be', async () => {
    const [phone, laptop] = [await device('phone'), await device('laptop')]
    await phone.call(revokeSessions, { sessionId: 'laptop' }, { transport })
    await waitUntil(() => isOut(laptop))
    expect(await isOut(phone)).toBe(false)
    await phone.call(revokeSessions, { sessionId: 'unknown' }, { transport })
    expect(await rows()).toMatchObject([{ sessionId: 'laptop' }, { sessionId: 'unknown' }])
  })

  it('ends all but the one that asks, at once or again', async () => {
    const [phone, laptop] = [await device('phone'), await device('laptop')]
    await Promise.all([1, 2, 3].map(() => phone.call(revokeSessions, { scope: 'elsewhere' }, { transport })))
    await waitUntil(() => isOut(laptop))
    expect(await isOut(phone)).toBe(false)
    expect(await rows()).toMatchObject([1, 2, 3].map(() => ({ sessionId: null, exceptSessionId: 'phone' })))
  })

  it('cannot keep a session that has no name, but can end it', async () => {
    const nameless = await device()
    expect(await nameless.expectProblem(revokeSessions, { scope: 'elsewhere' }, { transport })).toMatchObject({
      status: 409,
      code: 'session_id_missing',
    })
    expect(await isOut(nameless)).toBe(false)
    await nameless.call(revokeSessions, { scope: 'everywhere' }, { transport })
    await waitUntil(() => isOut(nameless))
  })

  it('takes either a scope or a session, and no other scope', async () => {
    const phone = await device('phone')
    const both = { scope: 'elsewhere', sessionId: 'x' } as const
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

it('single sessions can be ended so often a day; then all at once', async () => {
  const phone = await device('phone')
  await testApp.app.db.query(
    `insert into revocations (profile_id, session_id, until)
     select :id, 's' || n, now() from generate_series(1, 200) as n`,
    { id: phone.id },
  )
  expect(await phone.expectProblem(revokeSessions, { sessionId: 'x' })).toMatchObject({
    status: 429,
    retryAfter: 3_600,
  })
  expect(await phone.call(revokeSessions, { scope: 'elsewhere' })).toHaveProperty('until')
})

it('what no token can need any more is forgotten by a job', async () => {
  const phone = await device('phone')
  await phone.call(revokeSessions, { sessionId: 'x' })
  await testApp.app.db.query(`update revocations set until = until - interval '25 hours' where profile_id = :id`, {
    id: phone.id,
  })
  await phone.call(revokeSessions, { sessionId: 'y' })
  await testApp.app.db.query(`select graphile_worker.add_job('user-profile.deleteExpiredRevocations', payload := '{}')`)
  await testApp.runJobs()
  expect(await rows()).toMatchObject([{ sessionId: 'y' }])
})
