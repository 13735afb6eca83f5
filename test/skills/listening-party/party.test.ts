import fc from 'fast-check'
import {
  reduce,
  type Action,
  earlyAdvanceMsMax,
  isRefused,
  initialState,
  type PartyState,
  positionAt,
  startLeadMs,
  type QueueEntry,
  queueLengthMax,
  queueLengthPerMemberMax,
} from '../../../skills/listening-party/party'

const begin = 1_000_000
let made = 0
const item = (durationMs: number, addedBy = 'ann'): QueueEntry => {
  made += 1
  return { itemId: `item-${made}`, trackId: `track-${made % 7}`, durationMs, addedBy }
}
const minute = 60_000

function after(state: PartyState, action: Action, now: number): PartyState {
  const outcome = reduce(state, action, now)
  if (isRefused(outcome)) throw new Error(outcome.refused)
  return outcome
}
const refused = (state: PartyState, action: Action, now: number) => reduce(state, action, now)
const playing = (...durations: number[]) =>
  after(
    initialState(
      durations.map(ms => item(ms)),
      begin,
    ),
    { kind: 'play' },
    begin,
  )

/** What someone does, without knowing the state: which item they mean is drawn when it is applied. */
type Deed =
  | { kind: 'play' | 'pause' | 'end' }
  | { kind: 'seek'; positionMs: number }
  | { kind: 'skip' | 'dequeue' | 'advance'; which: number }
  | { kind: 'enqueue'; durations: number[] }

const deeds: fc.Arbitrary<{ deed: Deed; waitMs: number }[]> = fc.array(
  fc.record({
    waitMs: fc.nat(200_000),
    deed: fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('play' as const, 'pause' as const) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('seek' as const), positionMs: fc.nat(400_000) }) },
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constantFrom('skip' as const, 'dequeue' as const, 'advance' as const),
          which: fc.nat(5),
        }),
      },
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('enqueue' as const),
          durations: fc.array(fc.integer({ min: 1, max: 300_000 }), { maxLength: 20 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const) }) },
    ),
  }),
  { maxLength: 60 },
)

function toAction(deed: Deed, state: PartyState): Action {
  const items = [...(state.current === null ? [] : [state.current]), ...state.queue]
  switch (deed.kind) {
    case 'skip':
      return { kind: 'skip', itemId: items[deed.which]?.itemId ?? 'long gone' }
    case 'dequeue':
      return { kind: 'dequeue', itemIds: items.slice(deed.which, deed.which + 2).map(({ itemId }) => itemId) }
    case 'advance':
      return { kind: 'advance', itemId: state.current?.itemId ?? 'none', rev: state.rev - (deed.which % 2) }
    case 'enqueue':
      return { kind: 'enqueue', items: deed.durations.map((ms, index) => item(ms, `person-${index % 3}`)) }
    default:
      return deed
  }
}

/** Runs the deeds one after the other and shows each step. */
function live(story: { deed: Deed; waitMs: number }[], check: (step: Step) => void): void {
  let state = initialState([item(90_000), item(1)], begin)
  let now = begin
  for (const { deed, waitMs } of story) {
    now += waitMs
    const action = toAction(deed, state)
    const outcome = reduce(state, action, now)
    check({ before: state, action, outcome, now })
    if (!isRefused(outcome)) state = outcome
  }
}
interface Step {
  before: PartyState
  action: Action
  outcome: ReturnType<typeof reduce>
  now: number
}

function mustBeLegal(state: PartyState): void {
  const { status, current, posMs, rate, t0Ms, endsAtMs, queue } = state
  expect(current !== null).toBe(status === 'playing' || status === 'paused')
  expect(rate).toBe(status === 'playing' ? 1 : 0)
  expect(endsAtMs).toBe(status === 'playing' && current !== null ? t0Ms + current.durationMs - posMs : null)
  expect(posMs).toBeGreaterThanOrEqual(0)
  expect(posMs).toBeLessThanOrEqual(current?.durationMs ?? 0)
  expect(Number.isInteger(posMs)).toBe(true)
  expect(queue.length).toBeLessThanOrEqual(queueLengthMax)
  expect(status === 'ended' && queue.length > 0).toBe(false)
  const ids = [...queue.map(({ itemId }) => itemId), ...(current === null ? [] : [current.itemId])]
  expect(new Set(ids).size).toBe(ids.length)
}

describe('whatever people do, in any order and at any time', () => {
  const always = (check: (step: Step) => void) => fc.assert(fc.property(deeds, story => live(story, check)))

  it('the state is legal', () =>
    always(({ outcome }) => {
      if (!isRefused(outcome)) mustBeLegal(outcome)
    }))

  it('the revision grows by exactly one per change, and one per track that was over meanwhile', () =>
    always(({ before, action, outcome, now }) => {
      if (isRefused(outcome)) return
      const reached = action.kind === 'advance' ? before : after(before, { kind: 'catch-up' }, now)
      if (outcome.rev === reached.rev) expect(outcome).toEqual(reached)
      else if (action.kind === 'advance') expect(outcome.rev).toBeGreaterThan(before.rev)
      else expect(outcome.rev).toBe(reached.rev + 1)
    }))

  it('no item is on twice, and none comes back', () => {
    fc.assert(
      fc.property(deeds, story => {
        const gone = new Set<string>()
        live(story, ({ before, outcome }) => {
          if (isRefused(outcome)) return
          const there = [outcome.current, ...outcome.queue].flatMap(piece => piece?.itemId ?? [])
          for (const itemId of there) expect(gone.has(itemId)).toBe(false)
          for (const { itemId } of [before.current, ...before.queue].filter(piece => piece !== null))
            if (!there.includes(itemId)) gone.add(itemId)
        })
      }),
    )
  })

  it('pausing and playing on moves nobody', () =>
    always(({ before, action, outcome, now }) => {
      if (isRefused(outcome) || (action.kind !== 'pause' && action.kind !== 'play')) return
      const reached = after(before, { kind: 'catch-up' }, now)
      expect(positionAt(outcome, now)).toBe(positionAt(reached, now))
    }))

  it('catching up in one step or in many reaches the same state', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(9_000), { maxLength: 8 }),
        (durations, pauses) => {
          const started = playing(...durations)
          const end = begin + pauses.reduce((sum, ms) => sum + ms, 0)
          let now = begin
          let inSteps = started
          for (const ms of pauses) inSteps = after(inSteps, { kind: 'catch-up' }, (now += ms))
          expect(inSteps).toEqual(after(started, { kind: 'catch-up' }, end))
        },
      ),
    )
  })
})

describe('starting', () => {
  it('lies ahead, and stands still until then', () => {
    const state = playing(minute)
    expect(state).toMatchObject({ status: 'playing', t0Ms: begin + startLeadMs, posMs: 0 })
    expect(positionAt(state, begin)).toBe(0)
    expect(positionAt(state, begin + startLeadMs + 1_234)).toBe(1_234)
    expect(positionAt(state, begin + 10 * minute)).toBe(minute)
  })

  it('needs a track, and happens once', () => {
    expect(refused(initialState([], begin), { kind: 'play' }, begin)).toEqual({ refused: 'nothing-to-play' })
    const state = playing(minute)
    expect(reduce(state, { kind: 'play' }, begin + 5)).toBe(state)
  })
})

describe('the end of a track', () => {
  it('is where the next one starts, however late it is noticed, and with an empty queue there is silence', () => {
    const state = playing(minute, minute)
    const end = state.endsAtMs ?? 0
    const { itemId } = state.current ?? { itemId: '' }
    const second = after(state, { kind: 'advance', itemId, rev: state.rev }, end + 700)
    expect(second).toMatchObject({ rev: state.rev + 1, t0Ms: end, posMs: 0, endsAtMs: end + minute })
    const last = after(second, { kind: 'catch-up' }, end + minute)
    expect(last).toMatchObject({ status: 'idle', current: null, rev: state.rev + 2, t0Ms: end + minute })
  })

  it('happens once, whoever tells it and however often', () => {
    const state = playing(minute, minute, minute)
    const advance = { kind: 'advance' as const, itemId: state.current?.itemId ?? '', rev: state.rev }
    const now = (state.endsAtMs ?? 0) + 1
    const second = after(state, advance, now)
    expect(reduce(second, advance, now)).toBe(second)
    expect(reduce(second, { kind: 'skip', itemId: advance.itemId }, now)).toBe(second)
  })

  it('counts only for the revision it was foreseen at, and not much too early', () => {
    const state = playing(minute, minute)
    const advance = { kind: 'advance' as const, itemId: state.current?.itemId ?? '', rev: state.rev }
    const end = state.endsAtMs ?? 0
    expect(reduce(state, { ...advance, rev: advance.rev - 1 }, end)).toBe(state)
    expect(reduce(state, advance, end - earlyAdvanceMsMax - 1)).toEqual({ refused: 'too-early' })
    expect(after(state, advance, end - earlyAdvanceMsMax)).toMatchObject({ t0Ms: end })
  })

  it('comes before a command that was meant for the track that is over', () => {
    const state = playing(minute, minute)
    const skip = { kind: 'skip' as const, itemId: state.current?.itemId ?? '' }
    expect(after(state, skip, (state.endsAtMs ?? 0) + 10)).toMatchObject({ t0Ms: state.endsAtMs, rev: state.rev + 1 })
  })
})

describe('commands', () => {
  it('seek within the track, at most to its end, playing or not', () => {
    const state = playing(minute)
    const now = begin + 10_000
    expect(after(state, { kind: 'seek', positionMs: 30_000 }, now)).toMatchObject({
      posMs: 30_000,
      t0Ms: now + startLeadMs,
      endsAtMs: now + startLeadMs + 30_000,
    })
    const paused = after(state, { kind: 'pause' }, now)
    expect(after(paused, { kind: 'seek', positionMs: 10 * minute }, now)).toMatchObject({
      status: 'paused',
      posMs: minute,
    })
    expect(refused(initialState([], begin), { kind: 'seek', positionMs: 1 }, now)).toEqual({
      refused: 'nothing-playing',
    })
  })

  it('skip stays paused when it is paused, and never skips what only waits', () => {
    const paused = after(playing(minute, minute), { kind: 'pause' }, begin + 5_000)
    const waiting = paused.queue.map(({ itemId }) => itemId)
    const skipped = after(paused, { kind: 'skip', itemId: paused.current?.itemId ?? '' }, begin + 6_000)
    expect(skipped).toMatchObject({ status: 'paused', posMs: 0, current: { itemId: waiting[0] }, queue: [] })
    expect(refused(paused, { kind: 'skip', itemId: waiting[0] ?? '' }, begin)).toEqual({ refused: 'not-current' })
  })

  it('fill the queue to its cap, and nobody takes it all', () => {
    const many = (count: number, who: string) => Array.from({ length: count }, () => item(minute, who))
    const state = initialState(many(queueLengthPerMemberMax, 'ann'), begin)
    expect(refused(state, { kind: 'enqueue', items: many(1, 'ann') }, begin)).toEqual({ refused: 'member-queue-full' })
    const full = after(state, { kind: 'enqueue', items: many(queueLengthMax - queueLengthPerMemberMax, 'bob') }, begin)
    expect(refused(full, { kind: 'enqueue', items: many(1, 'cid') }, begin)).toEqual({ refused: 'queue-full' })
  })

  it('are over once the party is', () => {
    const ended = after(playing(minute, minute), { kind: 'end' }, begin + 5)
    expect(ended).toMatchObject({ status: 'ended', current: null, queue: [] })
    expect(reduce(ended, { kind: 'end' }, begin + 6)).toBe(ended)
    expect(refused(ended, { kind: 'play' }, begin + 6)).toEqual({ refused: 'ended' })
  })
})
