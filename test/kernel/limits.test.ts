import { findFreePort } from '../../dev/processes/find-free-port'
import { newId } from '../../kernel/pipeline/new-id'
import { consumeLimit } from '../../kernel/pipeline/limits'
import { requestOverRest, Person } from '../person'
import { notesRegistry, limitedRead } from './notes'
import { type TestKernel, createTestKernel, createActor } from './test-kernel'

let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({ registry: notesRegistry, nodes: 2 })
})
afterAll(() => kernel[Symbol.asyncDispose]())

/** The number of these calls that succeed. */
async function countSuccesses(testKernel: TestKernel, calls: Parameters<TestKernel['call']>[2][]): Promise<number> {
  let count = 0
  for (const call of calls)
    await testKernel.call(limitedRead, {}, call).then(
      () => (count += 1),
      () => undefined,
    )
  return count
}

describe('the rate limit of an operation', () => {
  it('counts a caller on all nodes together, and separately from others', async () => {
    const actor = createActor()
    expect(
      await countSuccesses(
        kernel,
        [0, 1, 0, 1, 0].map(node => ({ actor, node })),
      ),
    ).toBe(3)
    expect(await kernel.expectProblem(limitedRead, {}, { actor, node: 1, ipAddress: '10.9.8.7' })).toMatchObject({
      status: 429,
      code: 'too_many_requests',
      retryAfter: expect.any(Number) as unknown,
    })
    expect(await countSuccesses(kernel, [{ actor: createActor() }])).toBe(1)
  })

  it('counts a caller over both transports, and returns `retryAfter` in both', async () => {
    const [one, other] = [await kernel.startWeb(0), await kernel.startWeb(1)]
    const token = await kernel.issuer.issueToken('ann')
    await using ann = await Person.signIn('ann', token, one.url)
    expect(await ann.request(limitedRead, {}, { transport: 'rest' })).toMatchObject({ status: 200 })
    expect(await ann.request(limitedRead, {}, { transport: 'socket' })).toEqual({ data: {} })
    await using annOnOther = await Person.signIn('ann', token, other.url)
    expect(await annOnOther.request(limitedRead, {}, { transport: 'socket' })).toEqual({ data: {} })

    const overSocket = await annOnOther.expectProblem(limitedRead, {}, { transport: 'socket' })
    const overRest = await ann.request(limitedRead, {}, { transport: 'rest' })
    expect(overRest.error).toEqual({
      ...overSocket,
      requestId: overRest.error?.requestId,
      retryAfter: overRest.error?.retryAfter,
    })
    expect(overRest.headers?.get('retry-after')).toBe(String(overRest.error?.retryAfter))
    expect(overRest.error?.retryAfter).toBeGreaterThan(0)
    expect(overRest.error?.retryAfter).toBeLessThanOrEqual(60)
    // An unauthenticated caller is counted by IP address.
    expect(await requestOverRest(one.url, limitedRead, {}, {})).toMatchObject({ status: 200 })
  })

  it.each([
    ['an IPv4 address', ['192.0.2.1', '::ffff:192.0.2.1'], '192.0.2.2'],
    ['an IPv6 /64', ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2:0:0:0:9'], '2001:db8:1:3::1'],
    ['an abbreviated IPv6 /64', ['2001:db8::1', '2001:db8::ffff:2', '2001:db8:0:0:3::'], '2001:db8:0:1::1'],
  ])('counts unauthenticated callers by %s', async (_what, same, other) => {
    const addresses = Array.from({ length: 5 }, (_, index) => ({ ipAddress: same[index % same.length] ?? '' }))
    expect(await countSuccesses(kernel, addresses)).toBe(3)
    expect(await countSuccesses(kernel, [{ ipAddress: other }])).toBe(1)
  })

  it('precedes validation: invalid input counts too', async () => {
    const actor = createActor()
    for (let index = 0; index < 3; index += 1)
      expect(await kernel.expectProblem(limitedRead, { extra: 1 }, { actor })).toMatchObject({ code: 'invalid_input' })
    expect(await kernel.expectProblem(limitedRead, { extra: 1 }, { actor })).toMatchObject({
      code: 'too_many_requests',
    })
  })

  it('is exact under concurrent calls', async () => {
    const actor = createActor()
    const calls = Array.from({ length: 30 }, (_, index) => {
      const app = kernel.apps[index % 2] ?? kernel.app
      return consumeLimit(app, 'many', 10, { actor, ipAddress: '' }).then(
        () => 1,
        () => 0,
      )
    })
    expect((await Promise.all(calls)).filter(Boolean)).toHaveLength(10)
  })
})

it('sends one command for all calls of a tick, and none for a caller over the limit', async () => {
  const { redis, rateLimiter } = kernel.app
  const sendCommand = jest.spyOn(redis.commands, 'sendCommand')
  const commandsFor = (caller: string) =>
    sendCommand.mock.calls.filter(([{ args }]) => args.some(value => String(value).includes(`:${caller}`))).length
  const [exceeding, other] = [newId(new Date()), newId(new Date())]
  const waits = await Promise.all(
    [exceeding, other, exceeding, exceeding].map(caller => rateLimiter.consume('tick', caller, 2)),
  )
  expect(waits.map(waitMs => waitMs > 0)).toEqual([false, false, false, true])
  expect([commandsFor(exceeding), commandsFor(other)]).toEqual([1, 1])

  const waitMs = await rateLimiter.consume('tick', exceeding, 2)
  expect(waitMs).toBeGreaterThan(0)
  expect(waitMs).toBeLessThanOrEqual(60_000)
  expect(commandsFor(exceeding)).toBe(1)
  expect(await rateLimiter.consume('tick', other, 2)).toBe(0)
  sendCommand.mockRestore()
})

it('is enforced by each node alone while Redis is away', async () => {
  await using offline = await createTestKernel({
    registry: notesRegistry,
    nodes: 2,
    variables: { REDIS_PORT: String(await findFreePort()) },
  })
  const actor = createActor()
  expect(
    await countSuccesses(
      offline,
      Array.from({ length: 5 }, () => ({ actor, node: 0 })),
    ),
  ).toBe(3)
  expect(
    await countSuccesses(
      offline,
      Array.from({ length: 5 }, () => ({ actor, node: 1 })),
    ),
  ).toBe(3)
})
