import fc from 'fast-check'
import { digestOf, type RunRecord, findViolations, type LoggedEvent, type Step } from './oracle'

const channel = 'track:1'
const logged = (count: number): LoggedEvent[] =>
  Array.from({ length: count }, (_, index) => ({ offset: index + 1, digest: `d${index + 1}`, write: `w${index + 1}` }))
const applied = (...offsets: number[]): Step[] => offsets.map(offset => ({ offset, digest: `d${offset}` }))

const evidence = (steps: readonly Step[], more: Partial<RunRecord> & { from?: number } = {}): RunRecord => ({
  log: new Map([[channel, logged(5)]]),
  histories: [{ client: 'ann', channel, from: more.from ?? 0, steps }],
  acknowledged: [{ write: 'w5', channels: [channel] }],
  ...more,
})
const violationsOf = (record: RunRecord) =>
  findViolations(record).map(({ kind, offset }) => `${kind} ${offset ?? ''}`.trim())

describe('the oracle', () => {
  it('finds nothing in a correct record', () => {
    expect(findViolations(evidence(applied(1, 2, 3, 4, 5)))).toEqual([])
    expect(findViolations(evidence(applied(3, 4, 5), { from: 2 }))).toEqual([])
    expect(findViolations(evidence([...applied(1), { reset: 4 }, ...applied(5)]))).toEqual([])
  })

  it.each<[string, Step[], string[]]>([
    ['a hole', applied(1, 2, 4, 5), ['hole 3']],
    ['a hole at the start', applied(2, 3, 4, 5), ['hole 1']],
    ['a missing end', applied(1, 2, 3), ['behind 3']],
    ['nothing at all', [], ['behind 0']],
    ['an event applied twice', applied(1, 2, 2, 3, 4, 5), ['twice 2']],
    ['one applied twice, later', applied(1, 2, 3, 4, 5, 2), ['twice 2']],
    ['two events in swapped order', applied(1, 3, 2, 4, 5), ['order 2']],
    ['a changed payload', [...applied(1, 2), { offset: 3, digest: 'x' }, ...applied(4, 5)], ['changed 3']],
    ['an event that is not in the log', applied(1, 2, 3, 4, 5, 6), ['invented 6']],
    ['a hole after a reset', [...applied(1), { reset: 3 }, ...applied(5)], ['hole 4']],
  ])('detects %s', (_what, steps, expected) => {
    expect(violationsOf(evidence(steps))).toEqual(expected)
  })

  it('detects events applied again from before the start', () => {
    expect(violationsOf(evidence(applied(2, 3, 4, 5), { from: 2 }))).toEqual(['order 2'])
  })

  it('detects an acknowledged write that is missing on one of its channels', () => {
    const lost = { acknowledged: [{ write: 'w9', channels: [channel] }] }
    expect(violationsOf(evidence(applied(1, 2, 3, 4, 5), lost))).toEqual(['lost'])
    const onTwoChannels = { acknowledged: [{ write: 'w1', channels: [channel, 'track:2'] }] }
    expect(findViolations(evidence(applied(1, 2, 3, 4, 5), onTwoChannels))).toEqual([
      { kind: 'lost', channel: 'track:2', write: 'w1' },
    ])
  })

  it('detects a write logged twice, and log offsets that are not consecutive', () => {
    const log = logged(5).map(event => (event.offset === 4 ? { ...event, write: 'w3' } : event))
    expect(violationsOf(evidence(applied(1, 2, 3, 4, 5), { log: new Map([[channel, log]]) }))).toEqual(['repeated 4'])
    const withGaps = logged(6).filter(({ offset }) => offset !== 2)
    expect(violationsOf(evidence([], { log: new Map([[channel, withGaps]]), histories: [] }))).toContain('torn 3')
  })

  it('detects any single fault in a run of any length', () => {
    const run = fc
      .record({ length: fc.integer({ min: 2, max: 40 }), position: fc.nat(), mutation: fc.constantFrom(...mutations) })
      .map(({ length, position, mutation }) => ({ length, mutation, at: position % (length - 1) }))
    fc.assert(
      fc.property(run, ({ length, mutation, at }) => {
        const steps = applied(...logged(length).map(({ offset }) => offset))
        const log = new Map([[channel, logged(length)]])
        expect(findViolations(evidence(steps, { log, acknowledged: [] }))).toEqual([])
        mutation(steps, at)
        expect(findViolations(evidence(steps, { log, acknowledged: [] }))).not.toEqual([])
      }),
    )
  })
})

const mutations: ((steps: Step[], at: number) => void)[] = [
  (steps, at) => steps.splice(at, 1),
  (steps, at) => steps.splice(at, 0, ...steps.slice(at, at + 1)),
  (steps, at) => steps.splice(at, 2, ...steps.slice(at, at + 2).reverse()),
  (steps, at) => steps.splice(at, 1, ...steps.slice(at, at + 1).map(step => ({ ...step, digest: 'other' }))),
  steps => steps.pop(),
]

describe('the digest of an event', () => {
  const event = { id: 'a', name: 'x.y', at: '2026-01-01T00:00:00.000Z', data: { a: 1, b: { c: [1, { d: 2, e: 3 }] } } }

  it('does not depend on the order of fields, which the database may change', () => {
    const turned = { ...event, data: { b: { c: [1, { e: 3, d: 2 }] }, a: 1 }, at: '2026-01-01T00:00:00Z' }
    expect(digestOf(turned)).toBe(digestOf(event))
  })

  it('differs after any other change', () => {
    const others = [
      { ...event, id: 'b' },
      { ...event, name: 'x.z' },
      { ...event, at: '2026-01-01T00:00:00.001Z' },
      { ...event, data: { ...event.data, a: 2 } },
      { ...event, data: { ...event.data, b: { c: [{ d: 2, e: 3 }, 1] } } },
    ]
    expect(new Set([event, ...others].map(digestOf)).size).toBe(others.length + 1)
  })
})
