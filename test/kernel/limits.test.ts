import { freePort } from '../../dev/processes/free-port'
import { takeFrom } from '../../kernel/limits'
import { askOverRest, Person } from '../people'
import { notesProduct, seldom } from './notes'
import { type OwnWorld, ownWorld, someone } from './own-world'

let own: OwnWorld
beforeAll(async () => {
  own = await ownWorld({ product: notesProduct, nodes: 2 })
})
afterAll(() => own[Symbol.asyncDispose]())

/** How many of these calls are answered. */
async function answered(world: OwnWorld, calls: Parameters<OwnWorld['call']>[2][]): Promise<number> {
  let count = 0
  for (const call of calls)
    await world.call(seldom, {}, call).then(
      () => (count += 1),
      () => undefined,
    )
  return count
}

describe('the limit of an operation', () => {
  it('counts a person on all nodes together, and nobody else', async () => {
    const actor = someone()
    expect(
      await answered(
        own,
        [0, 1, 0, 1, 0].map(node => ({ actor, node })),
      ),
    ).toBe(3)
    expect(await own.refused(seldom, {}, { actor, node: 1, address: '10.9.8.7' })).toMatchObject({
      status: 429,
      code: 'too_many_requests',
      retryAfter: expect.any(Number) as unknown,
    })
    expect(await answered(own, [{ actor: someone() }])).toBe(1)
  })

  it('counts a person over both doors, and says how long to wait in both', async () => {
    const [one, other] = [await own.open(0), await own.open(1)]
    const token = await own.issuer.tokenFor('ann')
    await using ann = await Person.arrive('ann', token, one.url)
    expect(await ann.ask(seldom, {}, { door: 'rest' })).toMatchObject({ status: 200 })
    expect(await ann.ask(seldom, {}, { door: 'socket' })).toEqual({ data: {} })
    await using elsewhere = await Person.arrive('ann', token, other.url)
    expect(await elsewhere.ask(seldom, {}, { door: 'socket' })).toEqual({ data: {} })

    const overSocket = await elsewhere.refused(seldom, {}, { door: 'socket' })
    const overRest = await ann.ask(seldom, {}, { door: 'rest' })
    expect(overRest.error).toEqual({
      ...overSocket,
      requestId: overRest.error?.requestId,
      retryAfter: overRest.error?.retryAfter,
    })
    expect(overRest.headers?.get('retry-after')).toBe(String(overRest.error?.retryAfter))
    expect(overRest.error?.retryAfter).toBeGreaterThan(0)
    expect(overRest.error?.retryAfter).toBeLessThanOrEqual(60)
    // Who is not signed in is another: the address alone counts.
    expect(await askOverRest(one.url, seldom, {}, {})).toMatchObject({ status: 200 })
  })

  it.each([
    ['an IPv4 address', ['192.0.2.1', '::ffff:192.0.2.1'], '192.0.2.2'],
    ['an IPv6 /64', ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2:0:0:0:9'], '2001:db8:1:3::1'],
    ['an IPv6 /64 with zeros left out', ['2001:db8::1', '2001:db8::ffff:2', '2001:db8:0:0:3::'], '2001:db8:0:1::1'],
  ])('counts those who are not signed in by %s', async (_what, same, other) => {
    const addresses = Array.from({ length: 5 }, (_, index) => ({ address: same[index % same.length] ?? '' }))
    expect(await answered(own, addresses)).toBe(3)
    expect(await answered(own, [{ address: other }])).toBe(1)
  })

  it('comes before validation: bad input counts too', async () => {
    const actor = someone()
    for (let index = 0; index < 3; index += 1)
      expect(await own.refused(seldom, { extra: 1 }, { actor })).toMatchObject({ code: 'invalid_input' })
    expect(await own.refused(seldom, { extra: 1 }, { actor })).toMatchObject({ code: 'too_many_requests' })
  })

  it('is kept exactly when many come at once', async () => {
    const actor = someone()
    const wishes = Array.from({ length: 30 }, (_, index) => {
      const world = own.worlds[index % 2] ?? own.world
      return takeFrom(world, 'many', 10, { actor, address: '' }).then(
        () => 1,
        () => 0,
      )
    })
    expect((await Promise.all(wishes)).filter(Boolean)).toHaveLength(10)
  })
})

it('is still kept, by each node for itself, while Redis is away', async () => {
  await using alone = await ownWorld({
    product: notesProduct,
    nodes: 2,
    variables: { REDIS_PORT: String(await freePort()) },
  })
  const actor = someone()
  expect(
    await answered(
      alone,
      Array.from({ length: 5 }, () => ({ actor, node: 0 })),
    ),
  ).toBe(3)
  expect(
    await answered(
      alone,
      Array.from({ length: 5 }, () => ({ actor, node: 1 })),
    ),
  ).toBe(3)
})
