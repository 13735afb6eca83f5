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
  type QueuedItem,
  queueLengthMax,
  queueLengthPerMemberMax,
} from '../../../skills/listening-party/party'

const startMs = 1_000_000
let itemCount = 0
const item = (durationMs: number, addedBy = 'ann'): QueuedItem => {
  itemCount += 1
  return { itemId: `item-${itemCount}`, trackId: `track-${itemCount % 7}`, durationMs, addedBy }
}
const minuteMs = 60_000

/** The state after an action that must not be refused. */
function after(state: PartyState, action: Action, now: number): PartyState {
  const outcome = reduce(state, action, now)
  if (isRefused(outcome)) throw new Error(outcome.refused)
  return outcome
}

const playing = (...durations: number[]) =>
  after(
    initialState(
      durations.map(ms => item(ms)),
      startMs,
    ),
    { kind: 'play' },
    startMs,
  )

/** An action generated before the state is known: `which` is the index of its item when it is applied. */
type Command =
  | { kind: 'play' | 'pause' | 'end' }
  | { kind: 'seek'; positionMs: number }
  | { kind: 'skip' | 'dequeue' | 'advance'; which: number }
  | { kind: 'enqueue'; durations: number[] }

const commands: fc.Arbitrary<{ command: Command; waitMs: number }[]> = fc.array(
  fc.record({
    waitMs: fc.nat(200_000),
    command: fc.oneof(
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

function toAction(command: Command, state: PartyState): Action {
  const items = [...(state.current === null ? [] : [state.current]), ...state.queue]
  switch (command.kind) {
    case 'skip':
      return { kind: 'skip', itemId: items[command.which]?.itemId ?? 'unknown' }
    case 'dequeue':
      return { kind: 'dequeue', itemIds: items.slice(command.which, command.which + 2).map(({ itemId }) => itemId) }
    case 'advance':
      return { kind: 'advance', itemId: state.current?.itemId ?? 'none', rev: state.rev - (command.which % 2) }
    case 'enqueue':
      return { kind: 'enqueue', items: command.durations.map((ms, index) => item(ms, `person-${index % 3}`)) }
    default:
      return command
  }
}

/** Applies the commands in order and checks each step. */
function runCommands(sequence: { command: Command; waitMs: number }[], check: (step: Step) => void): void {
  let state = initialState([item(90_000), item(1)], startMs)
  let now = startMs
  for (const { command, waitMs } of sequence) {
    now += waitMs
    const action = toAction(command, state)
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

function expectValid(state: PartyState): void {
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

describe('after any sequence of commands at any time', () => {
  const always = (check: (step: Step) => void) =>
    fc.assert(fc.property(commands, sequence => runCommands(sequence, check)))

  it('the state is valid', () =>
    always(({ outcome }) => {
      if (!isRefused(outcome)) expectValid(outcome)
    }))

  it('the revision grows by one per change and by one per track that ended before it', () =>
    always(({ before, action, outcome, now }) => {
      if (isRefused(outcome)) return
      const caughtUp = action.kind === 'advance' ? before : after(before, { kind: 'catch-up' }, now)
      if (outcome.rev === caughtUp.rev) expect(outcome).toEqual(caughtUp)
      else if (action.kind === 'advance') expect(outcome.rev).toBeGreaterThan(before.rev)
      else expect(outcome.rev).toBe(caughtUp.rev + 1)
    }))

  it('no item appears twice, and none returns after removal', () => {
    fc.assert(
      fc.property(commands, sequence => {
        const removedIds = new Set<string>()
        runCommands(sequence, ({ before, outcome }) => {
          if (isRefused(outcome)) return
          const presentIds = [outcome.current, ...outcome.queue].flatMap(entry => entry?.itemId ?? [])
          for (const itemId of presentIds) expect(removedIds.has(itemId)).toBe(false)
          for (const { itemId } of [before.current, ...before.queue].filter(entry => entry !== null))
            if (!presentIds.includes(itemId)) removedIds.add(itemId)
        })
      }),
    )
  })

  it('pausing and resuming keep the position', () =>
    always(({ before, action, outcome, now }) => {
      if (isRefused(outcome) || (action.kind !== 'pause' && action.kind !== 'play')) return
      const caughtUp = after(before, { kind: 'catch-up' }, now)
      expect(positionAt(outcome, now)).toBe(positionAt(caughtUp, now))
    }))

  it('catching up in one step or in many reaches the same state', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(9_000), { maxLength: 8 }),
        (durations, delays) => {
          const started = playing(...durations)
          const end = startMs + delays.reduce((sum, ms) => sum + ms, 0)
          let now = startMs
          let inSteps = started
          for (const ms of delays) inSteps = after(inSteps, { kind: 'catch-up' }, (now += ms))
          expect(inSteps).toEqual(after(started, { kind: 'catch-up' }, end))
        },
      ),
    )
  })
})

describe('play', () => {
  it('starts after a lead time, and the position stays until then', () => {
    const state = playing(minuteMs)
    expect(state).toMatchObject({ status: 'playing', t0Ms: startMs + startLeadMs, posMs: 0 })
    expect(positionAt(state, startMs)).toBe(0)
    expect(positionAt(state, startMs + startLeadMs + 1_234)).toBe(1_234)
    expect(positionAt(state, startMs + 10 * minuteMs)).toBe(minuteMs)
  })

  it('needs a track, and changes nothing while the party plays', () => {
    expect(reduce(initialState([], startMs), { kind: 'play' }, startMs)).toEqual({ refused: 'nothing-to-play' })
    const state = playing(minuteMs)
    expect(reduce(state, { kind: 'play' }, startMs + 5)).toBe(state)
  })
})

describe('the end of a track', () => {
  it('is the start of the next, however late it is applied; with an empty queue the party is idle', () => {
    const state = playing(minuteMs, minuteMs)
    const end = state.endsAtMs ?? 0
    const { itemId } = state.current ?? { itemId: '' }
    const second = after(state, { kind: 'advance', itemId, rev: state.rev }, end + 700)
    expect(second).toMatchObject({ rev: state.rev + 1, t0Ms: end, posMs: 0, endsAtMs: end + minuteMs })
    const last = after(second, { kind: 'catch-up' }, end + minuteMs)
    expect(last).toMatchObject({ status: 'idle', current: null, rev: state.rev + 2, t0Ms: end + minuteMs })
  })

  it('is applied once, however often it is reported', () => {
    const state = playing(minuteMs, minuteMs, minuteMs)
    const advance = { kind: 'advance' as const, itemId: state.current?.itemId ?? '', rev: state.rev }
    const now = (state.endsAtMs ?? 0) + 1
    const second = after(state, advance, now)
    expect(reduce(second, advance, now)).toBe(second)
    expect(reduce(second, { kind: 'skip', itemId: advance.itemId }, now)).toBe(second)
  })

  it('is applied only at the scheduled revision, and not more than the tolerance too early', () => {
    const state = playing(minuteMs, minuteMs)
    const advance = { kind: 'advance' as const, itemId: state.current?.itemId ?? '', rev: state.rev }
    const end = state.endsAtMs ?? 0
    expect(reduce(state, { ...advance, rev: advance.rev - 1 }, end)).toBe(state)
    expect(reduce(state, advance, end - earlyAdvanceMsMax - 1)).toEqual({ refused: 'too-early' })
    expect(after(state, advance, end - earlyAdvanceMsMax)).toMatchObject({ t0Ms: end })
  })

  it('is applied before a command for the track that ended', () => {
    const state = playing(minuteMs, minuteMs)
    const skip = { kind: 'skip' as const, itemId: state.current?.itemId ?? '' }
    expect(after(state, skip, (state.endsAtMs ?? 0) + 10)).toMatchObject({ t0Ms: state.endsAtMs, rev: state.rev + 1 })
  })
})

describe('commands', () => {
  it('seek within the track, at most to its end, playing or paused', () => {
    const state = playing(minuteMs)
    const now = startMs + 10_000
    expect(after(state, { kind: 'seek', positionMs: 30_000 }, now)).toMatchObject({
      posMs: 30_000,
      t0Ms: now + startLeadMs,
      endsAtMs: now + startLeadMs + 30_000,
    })
    const paused = after(state, { kind: 'pause' }, now)
    expect(after(paused, { kind: 'seek', positionMs: 10 * minuteMs }, now)).toMatchObject({
      status: 'paused',
      posMs: minuteMs,
    })
    expect(reduce(initialState([], startMs), { kind: 'seek', positionMs: 1 }, now)).toEqual({
      refused: 'nothing-playing',
    })
  })

  it('skip keeps a paused party paused, and refuses an item that is still queued', () => {
    const paused = after(playing(minuteMs, minuteMs), { kind: 'pause' }, startMs + 5_000)
    const queuedIds = paused.queue.map(({ itemId }) => itemId)
    const skipped = after(paused, { kind: 'skip', itemId: paused.current?.itemId ?? '' }, startMs + 6_000)
    expect(skipped).toMatchObject({ status: 'paused', posMs: 0, current: { itemId: queuedIds[0] }, queue: [] })
    expect(reduce(paused, { kind: 'skip', itemId: queuedIds[0] ?? '' }, startMs)).toEqual({
      refused: 'not-current',
    })
  })

  it('fill the queue to its limit, and to a limit per member', () => {
    const makeItems = (count: number, who: string) => Array.from({ length: count }, () => item(minuteMs, who))
    const state = initialState(makeItems(queueLengthPerMemberMax, 'ann'), startMs)
    expect(reduce(state, { kind: 'enqueue', items: makeItems(1, 'ann') }, startMs)).toEqual({
      refused: 'member-queue-full',
    })
    const full = after(
      state,
      { kind: 'enqueue', items: makeItems(queueLengthMax - queueLengthPerMemberMax, 'bob') },
      startMs,
    )
    expect(reduce(full, { kind: 'enqueue', items: makeItems(1, 'cid') }, startMs)).toEqual({
      refused: 'queue-full',
    })
  })

  it('are refused after the end of the party', () => {
    const ended = after(playing(minuteMs, minuteMs), { kind: 'end' }, startMs + 5)
    expect(ended).toMatchObject({ status: 'ended', current: null, queue: [] })
    expect(reduce(ended, { kind: 'end' }, startMs + 6)).toBe(ended)
    expect(reduce(ended, { kind: 'play' }, startMs + 6)).toEqual({ refused: 'ended' })
  })
})
