import fc from 'fast-check'
import { Client } from 'pg'
import { createPipeline, type Pipeline } from '../../kernel/pipeline/pipeline'
import { newId } from '../../kernel/pipeline/new-id'
import { isRevokedBy, type Revocation, type SessionClaims } from '../../kernel/platform/revocation'
import { toRefusal } from '../../kernel/pipeline/errors'
import { createRevocations, revocationTtlMs } from '../../kernel/platform/revocations'
import { Profile } from '../../models'
import { notesRegistry } from './notes'
import { type TestKernel, createTestKernel } from './test-kernel'

let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({ registry: notesRegistry })
})
afterAll(() => kernel[Symbol.asyncDispose]())

const newRevocations = () => createRevocations(kernel.app.db, kernel.clock)
const at = (ms: number) => new Date(ms).toISOString()
let people = 0

async function person(): Promise<string> {
  people += 1
  const name = `person${people}`
  const now = new Date()
  return (await Profile.create({ id: newId(now), subject: name, handle: name, displayName: name, createdAt: now })).id
}

const everywhere = (profileId: string, until = kernel.clock.now()): Revocation => ({
  profileId,
  sessionId: null,
  exceptSessionId: null,
  until: at(until),
})
const write = (revocation: Revocation) => kernel.app.revocations.insert(revocation, revocation.profileId)
const codeOf = (refused: Promise<void>) =>
  refused.then(
    () => 'accepted',
    (error: unknown) => toRefusal(error).kind.code,
  )

describe('revocations', () => {
  const instants = [1_000_500, 2_000_000, 2_000_999, 3_000_000]
  const session = fc.record<SessionClaims>({
    profileId: fc.constantFrom('p', 'q'),
    sessionId: fc.constantFrom('a', 'b', 'c', undefined),
    issuedAt: fc.constantFrom(1_000_000, 1_001_000, 2_000_000, 2_001_000, 4_000_000),
  })
  const revocations = fc.record<Revocation>({
    profileId: fc.constantFrom('p', 'q'),
    sessionId: fc.constantFrom('a', 'b', null),
    exceptSessionId: fc.constant(null),
    until: fc.constantFrom(...instants.map(at)),
  })
  const excepting = fc.record<Revocation>({
    profileId: fc.constantFrom('p', 'q'),
    sessionId: fc.constant(null),
    exceptSessionId: fc.constantFrom('a', 'b'),
    until: fc.constantFrom(...instants.map(at)),
  })

  it('revoke what any of them revokes, in any order and with repeats', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(revocations, excepting), { maxLength: 12 }), session, (all, identity) => {
        const cache = newRevocations()
        for (const one of all) cache.add([one])
        expect(cache.isRevoked(identity)).toBe(all.some(one => isRevokedBy(identity, one)))
      }),
    )
  })

  it('revoke every token of the same second, the resolution of `iat`', () => {
    const cache = newRevocations()
    cache.add([everywhere('p', 5_200)])
    expect(cache.isRevoked({ profileId: 'p', issuedAt: 5_000 })).toBe(true)
    expect(cache.isRevoked({ profileId: 'p', issuedAt: 6_000 })).toBe(false)
    expect(cache.isRevoked({ profileId: 'q', issuedAt: 5_000 })).toBe(false)
  })

  it('notify listeners once', () => {
    const cache = newRevocations()
    const notified: unknown[] = []
    const listener = cache.onRevoked(added => notified.push(...added))
    cache.add([everywhere('p', 5_000)])
    cache.add([everywhere('p', 5_000), everywhere('p', 4_000), everywhere('q', 1_000)])
    expect(notified).toEqual([everywhere('p', 5_000), everywhere('q', 1_000)])
    listener[Symbol.dispose]()
    cache.add([everywhere('p', 9_000)])
    expect(notified).toHaveLength(2)
  })
})

describe('a re-check', () => {
  it('finds all revocations at first, and later those that others commit', async () => {
    const [ann, bob] = [await person(), await person()]
    await write(everywhere(ann))
    const cache = newRevocations()
    await cache.check()
    expect(cache.isRevoked({ profileId: ann, issuedAt: 0 })).toBe(true)
    await write({ profileId: bob, sessionId: 's', exceptSessionId: null, until: at(5_000) })
    await cache.check()
    expect(cache.isRevoked({ profileId: bob, sessionId: 's', issuedAt: 5_000 })).toBe(true)
    expect(cache.isRevoked({ profileId: bob, sessionId: 't', issuedAt: 5_000 })).toBe(false)
  })

  it('finds a revocation that commits after one that began later', async () => {
    const cache = newRevocations()
    const [early, late] = [await person(), await person()]
    const slow = new Client({ connectionString: kernel.url })
    await slow.connect()
    await slow.query('begin')
    await slow.query(`insert into revocations (profile_id, issued_until) values ($1, now())`, [early])
    await write(everywhere(late))
    await cache.check()
    await cache.check()
    expect(cache.isRevoked({ profileId: late, issuedAt: 0 })).toBe(true)
    expect(cache.isRevoked({ profileId: early, issuedAt: 0 })).toBe(false)
    // A later revocation is seen meanwhile.
    await write(everywhere(await person()))
    await cache.check()
    await slow.query('commit')
    await slow.end()
    await cache.check()
    expect(cache.isRevoked({ profileId: early, issuedAt: 0 })).toBe(true)
  })

  it('reads once for concurrent checks, and skips what it has read', async () => {
    const cache = newRevocations()
    await cache.check()
    const notified: unknown[] = []
    cache.onRevoked(added => notified.push(...added))
    await write(everywhere(await person()))
    const read = jest.spyOn(kernel.app.db, 'readCommitted')
    await Promise.all([cache.check(), cache.check(), cache.check()])
    expect(read).toHaveBeenCalledTimes(1)
    read.mockRestore()
    await cache.check()
    expect(notified).toHaveLength(1)
  })
})

describe('while PostgreSQL is unavailable', () => {
  const hide = () => kernel.sql('alter table revocations rename to hidden')
  const show = () => kernel.sql('alter table hidden rename to revocations')

  it('a node that has never read revocations refuses everyone until it has', async () => {
    const cache = newRevocations()
    await hide()
    expect(await codeOf(cache.assertNotRevoked({ profileId: 'p', issuedAt: 1_000 }))).toBe('auth_unavailable')
    await show()
    expect(await codeOf(cache.assertNotRevoked({ profileId: 'p', issuedAt: 1_000 }))).toBe('accepted')
  })

  it('a node that has read them continues with what it knows and receives', async () => {
    const cache = newRevocations()
    const ann = await person()
    await write(everywhere(ann))
    await cache.check()
    await hide()
    await expect(cache.check()).rejects.toThrow()
    cache.add([everywhere('q', 5_000)])
    expect(await codeOf(cache.assertNotRevoked({ profileId: ann, issuedAt: 1_000 }))).toBe('session_revoked')
    expect(await codeOf(cache.assertNotRevoked({ profileId: 'q', issuedAt: 1_000 }))).toBe('session_revoked')
    expect(await codeOf(cache.assertNotRevoked({ profileId: 'p', issuedAt: 1_000 }))).toBe('accepted')
    await show()
  })
})

it('deletes revocations older than any valid token, in the table and in memory', async () => {
  const cache = newRevocations()
  const [ann, bob] = [await person(), await person()]
  await write(everywhere(ann))
  await cache.check()
  kernel.clock.advance(revocationTtlMs + 1_000)
  await write(everywhere(bob))
  await cache.deleteExpired(new Date(kernel.clock.now()))
  expect([await cache.count(ann), await cache.count(bob)]).toEqual([0, 1])
  await cache.check()
  expect(cache.isRevoked({ profileId: ann, issuedAt: 0 })).toBe(false)
  expect(cache.isRevoked({ profileId: bob, issuedAt: 0 })).toBe(true)
})

describe('the profile of a token', () => {
  let pipeline: Pipeline
  let provisionCount = 0
  beforeAll(() => {
    const provision = async () => {
      provisionCount += 1
      return newId(new Date())
    }
    pipeline = createPipeline(kernel.app, { ...notesRegistry, provisionProfile: provision })
  })
  const newPipeline = () => createPipeline(kernel.app, pipeline.registry)
  const idOf = async (from: Pipeline, name: string) =>
    (await from.authenticate(await kernel.issuer.issueToken(name), '127.0.0.1')).actor.id

  it('is looked up in PostgreSQL once for all nodes', async () => {
    const before = provisionCount
    const ids = [await idOf(pipeline, 'ann'), await idOf(pipeline, 'ann'), await idOf(newPipeline(), 'ann')]
    expect(new Set(ids).size).toBe(1)
    expect(provisionCount - before).toBe(1)
    expect(await idOf(pipeline, 'bob')).not.toBe(ids[0])
  })

  it.each(['nonsense', '{}', '"x"', 'null', '7', '["a"]'])('is looked up again if Redis holds %s', async cached => {
    const name = `victim${cached.length}${cached.charCodeAt(0)}`
    await kernel.app.redis.commands.set(`cache:profile-id:${name}`, cached)
    expect(await idOf(newPipeline(), name)).toMatch(/^[0-9a-f-]{36}$/)
  })
})

// Keep this last: it binds the models to another database.
it('a node starts without revocations, and refuses everyone until it can read them', async () => {
  await using other = await createTestKernel({ registry: notesRegistry })
  const token = await other.issuer.issueToken('ann')
  await other.sql('alter table revocations rename to hidden')
  const { url } = await other.startWeb()
  const me = () => fetch(`${url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })
  const refused = await me()
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2'])
  expect(await refused.json()).toMatchObject({ code: 'auth_unavailable' })
  await other.sql('alter table hidden rename to revocations')
  expect((await me()).status).toBe(200)
})
