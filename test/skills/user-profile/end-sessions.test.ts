import { endSessions } from '../../../skills/user-profile/end-sessions'
import { getMe } from '../../../skills/user-profile/get-me'
import { until } from '../../kernel/until'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
let casts = 0
let name: string
beforeAll(async () => {
  world = await freshWorld()
})
beforeEach(() => {
  casts += 1
  name = `ann${casts}`
})
afterAll(() => world[Symbol.asyncDispose]())

/** The same person with a token of another session, on another node each time. */
const device = (sid?: string) => world.person(name, sid === undefined ? { claims: { sid } } : { sid })
const isOut = async (one: Person) => (await one.ask(getMe, {})).error?.code === 'session_revoked'
const rows = () =>
  world.world.db.query<object>(
    `select session_id as "sessionId", except_session_id as "exceptSessionId", ended_by = profile_id as "bySelf", until
     from revocations join profiles on profiles.id = profile_id where subject = :name order by revocations.id`,
    { name },
  )

describe.each(doors)('ending sessions over %s', door => {
  it('ends all of them, unless told otherwise, and answers until when tokens are refused', async () => {
    const [phone, laptop] = [await device('phone'), await device('laptop')]
    const before = world.clock.now()
    const { until: instant } = await phone.call(endSessions, {}, { door })
    expect(Date.parse(instant)).toBeGreaterThanOrEqual(before)
    for (const one of [phone, laptop]) await until(() => isOut(one))
    expect(await rows()).toEqual([{ sessionId: null, exceptSessionId: null, bySelf: true, until: new Date(instant) }])
    world.clock.advance(1_000)
    expect((await (await device('phone')).call(getMe, {})).id).toBe(phone.id)
  })

  it('ends one by its name, and lets the others be', async () => {
    const [phone, laptop] = [await device('phone'), await device('laptop')]
    await phone.call(endSessions, { sessionId: 'laptop' }, { door })
    await until(() => isOut(laptop))
    expect(await isOut(phone)).toBe(false)
    await phone.call(endSessions, { sessionId: 'unknown' }, { door })
    expect(await rows()).toMatchObject([{ sessionId: 'laptop' }, { sessionId: 'unknown' }])
  })

  it('ends all but the one that asks, at once or again', async () => {
    const [phone, laptop] = [await device('phone'), await device('laptop')]
    await Promise.all([1, 2, 3].map(() => phone.call(endSessions, { scope: 'elsewhere' }, { door })))
    await until(() => isOut(laptop))
    expect(await isOut(phone)).toBe(false)
    expect(await rows()).toMatchObject([1, 2, 3].map(() => ({ sessionId: null, exceptSessionId: 'phone' })))
  })

  it('cannot keep a session that has no name, but can end it', async () => {
    const nameless = await device()
    expect(await nameless.refused(endSessions, { scope: 'elsewhere' }, { door })).toMatchObject({
      status: 409,
      code: 'session_unnamed',
    })
    expect(await isOut(nameless)).toBe(false)
    await nameless.call(endSessions, { scope: 'everywhere' }, { door })
    await until(() => isOut(nameless))
  })

  it('takes either a scope or a session, and no other scope', async () => {
    const phone = await device('phone')
    const both = { scope: 'elsewhere', sessionId: 'x' } as const
    expect(await phone.refused(endSessions, both, { door })).toMatchObject({
      code: 'invalid_input',
      errors: [{ path: 'sessionId', code: 'one_of_two' }],
    })
    for (const bad of [{ scope: 'nowhere' }, { sessionId: '' }, { sessionId: 'x'.repeat(256) }, { sessionId: 7 }])
      expect(await phone.refused(endSessions, bad, { door })).toMatchObject({ status: 400, code: 'invalid_input' })
    expect(await rows()).toEqual([])
  })
})

it('single sessions can be ended so often a day; then all at once', async () => {
  const phone = await device('phone')
  await world.world.db.query(
    `insert into revocations (profile_id, session_id, until)
     select :id, 's' || n, now() from generate_series(1, 200) as n`,
    { id: phone.id },
  )
  expect(await phone.refused(endSessions, { sessionId: 'x' })).toMatchObject({ status: 429, retryAfter: 3_600 })
  expect(await phone.call(endSessions, { scope: 'elsewhere' })).toHaveProperty('until')
})

it('what no token can need any more is forgotten by a job', async () => {
  const phone = await device('phone')
  await phone.call(endSessions, { sessionId: 'x' })
  await world.world.db.query(`update revocations set until = until - interval '25 hours' where profile_id = :id`, {
    id: phone.id,
  })
  await phone.call(endSessions, { sessionId: 'y' })
  await world.world.db.query(`select graphile_worker.add_job('user-profile.forgetEndedSessions', payload := '{}')`)
  await world.work()
  expect(await rows()).toMatchObject([{ sessionId: 'y' }])
})
