/**
 * The party as a pure state machine. Nothing here reads a clock: callers pass party time τ, in milliseconds, which is the
 * server's clock today. The playback position is a function of the state, `position(τ) = posMs + rate · (τ − t0Ms)` for
 * τ ≥ t0Ms, so no position ticks are sent.
 */
export interface PartyState {
  /** Grows by one with every change. Stored as `Party.timelineRev`; `Party.rev` counts the events of the party. */
  readonly rev: number
  readonly status: 'idle' | 'playing' | 'paused' | 'ended'
  /** The item that is playing or paused. */
  readonly current: Item | null
  /** The position in the current track at `t0Ms` and before. */
  readonly posMs: number
  /** 1 while playing, else 0, so that the formula applies to every status. */
  readonly rate: number
  /** When the position starts to move from `posMs`; it may lie ahead. */
  readonly t0Ms: number
  /** The end of the current track, while it plays. */
  readonly endsAtMs: number | null
  readonly queue: readonly QueuedItem[]
}

/** A current or queued track. It has an id of its own, because the same track may be queued twice. */
export interface Item {
  readonly itemId: string
  readonly trackId: string
  readonly durationMs: number
}

export interface QueuedItem extends Item {
  readonly addedBy: string
}

export type Action =
  | { kind: 'play' | 'pause' | 'end' }
  /** Only advances through the tracks that have ended. */
  | { kind: 'catch-up' }
  | { kind: 'seek'; positionMs: number }
  /** Names the item, so that two people who skip the same item skip once. */
  | { kind: 'skip'; itemId: string }
  /** The end of a track, scheduled at revision `rev`. */
  | { kind: 'advance'; itemId: string; rev: number }
  | { kind: 'enqueue'; items: readonly QueuedItem[] }
  | { kind: 'dequeue'; itemIds: readonly string[] }

export type RefusalReason =
  'ended' | 'nothing-playing' | 'nothing-to-play' | 'not-current' | 'queue-full' | 'member-queue-full' | 'too-early'
export interface Refused {
  readonly refused: RefusalReason
}

/**
 * How far ahead a start is scheduled, so that its event reaches every member before it. 500 ms covers 1.5 round trips of
 * 250 ms and 120 ms of processing. Becomes a function of the members' round trips once those are measured.
 */
export const startLeadMs = 500
/** How early an advance may arrive, because workers' clocks differ; the next track starts at the scheduled end anyway. */
export const earlyAdvanceMsMax = 1_500
/** How many next items the timeline contains: clients advance by themselves if every server is unreachable. */
export const nextItemsMax = 3
export const queueLengthMax = 100
export const queueLengthPerMemberMax = 50

export const initialState = (queue: readonly QueuedItem[], now: number): PartyState => ({
  ...stopped('idle', now),
  rev: 1,
  queue,
})

/**
 * The state after `action` at `now`; the same object if nothing changes. Every action but `advance` first advances through
 * the tracks that have ended; each of them increments `rev`, as the action itself does.
 */
export function reduce(state: PartyState, action: Action, now: number): PartyState | Refused {
  if (action.kind === 'advance') return advance(state, action, now)
  const caughtUp = catchUp(state, now)
  const outcome = change(caughtUp, action, now)
  return isRefused(outcome) || outcome === caughtUp ? outcome : { ...outcome, rev: caughtUp.rev + 1 }
}

export const isRefused = (outcome: PartyState | Refused): outcome is Refused => 'refused' in outcome

/** The position in the current track at `now`; 0 when there is none. */
export function positionAt({ current, posMs, rate, t0Ms }: PartyState, now: number): number {
  return Math.min(posMs + rate * Math.max(now - t0Ms, 0), current?.durationMs ?? 0)
}

/** Does nothing unless `itemId` is still current at revision `rev`: otherwise the job is outdated. */
function advance(state: PartyState, { itemId, rev }: Action & { kind: 'advance' }, now: number) {
  const { endsAtMs, current } = state
  if (endsAtMs === null || current?.itemId !== itemId || state.rev !== rev) return state
  if (now + earlyAdvanceMsMax < endsAtMs) return refuse('too-early')
  return catchUp(afterEnd(state, endsAtMs), now)
}

/** Advances through all tracks that have ended by `now`. After an outage the state is the same as without one. */
function catchUp(state: PartyState, now: number): PartyState {
  let caughtUp = state
  while (caughtUp.endsAtMs !== null && caughtUp.endsAtMs <= now) caughtUp = afterEnd(caughtUp, caughtUp.endsAtMs)
  return caughtUp
}

/** The state after the end of the current track. The next one starts exactly then, not at `now`, so that nothing drifts. */
const afterEnd = (state: PartyState, endsAtMs: number): PartyState => ({
  ...takeNext(state, endsAtMs),
  rev: state.rev + 1,
})

function change(state: PartyState, action: Exclude<Action, { kind: 'advance' }>, now: number): PartyState | Refused {
  if (action.kind === 'catch-up') return state
  if (state.status === 'ended') return action.kind === 'end' ? state : refuse('ended')
  switch (action.kind) {
    case 'play':
      return play(state, now)
    case 'pause':
      return state.current === null ? state : pauseAt(state, state.current, positionAt(state, now), now)
    case 'seek':
      return seek(state, action.positionMs, now)
    case 'skip':
      return skip(state, action.itemId, now)
    case 'enqueue':
      return enqueue(state, action.items)
    case 'dequeue':
      return dequeue(state, action.itemIds)
    case 'end':
      return { ...state, ...stopped('ended', now), queue: [] }
  }
}

function play(state: PartyState, now: number): PartyState | Refused {
  if (state.status === 'playing') return state
  if (state.current !== null) return start(state, state.current, state.posMs, now + startLeadMs)
  return state.queue.length === 0 ? refuse('nothing-to-play') : takeNext(state, now + startLeadMs)
}

function seek(state: PartyState, positionMs: number, now: number): PartyState | Refused {
  const { current } = state
  if (current === null) return refuse('nothing-playing')
  const posMs = Math.min(positionMs, current.durationMs)
  return state.status === 'playing'
    ? start(state, current, posMs, now + startLeadMs)
    : pauseAt(state, current, posMs, now)
}

/** Skipping an item that has ended changes nothing; skipping one that is still queued is refused. */
function skip(state: PartyState, itemId: string, now: number): PartyState | Refused {
  if (state.queue.some(item => item.itemId === itemId)) return refuse('not-current')
  if (state.current?.itemId !== itemId) return state
  return takeNext(state, state.status === 'playing' ? now + startLeadMs : now)
}

function enqueue(state: PartyState, items: readonly QueuedItem[]): PartyState | Refused {
  const queue = [...state.queue, ...items]
  if (queue.length > queueLengthMax) return refuse('queue-full')
  const countOf = (profileId: string) => queue.filter(({ addedBy }) => addedBy === profileId).length
  if (items.some(({ addedBy }) => countOf(addedBy) > queueLengthPerMemberMax)) return refuse('member-queue-full')
  return items.length === 0 ? state : { ...state, queue }
}

function dequeue(state: PartyState, itemIds: readonly string[]): PartyState {
  const queue = state.queue.filter(({ itemId }) => !itemIds.includes(itemId))
  return queue.length === state.queue.length ? state : { ...state, queue }
}

/** The head of the queue becomes current, paused if the party is paused; with an empty queue the party becomes idle. */
function takeNext(state: PartyState, t0Ms: number): PartyState {
  const [head, ...queue] = state.queue
  if (head === undefined) return { ...state, ...stopped('idle', t0Ms) }
  const item = { itemId: head.itemId, trackId: head.trackId, durationMs: head.durationMs }
  const rest = { ...state, queue }
  return state.status === 'paused' ? pauseAt(rest, item, 0, t0Ms) : start(rest, item, 0, t0Ms)
}

const start = (state: PartyState, current: Item, posMs: number, t0Ms: number): PartyState => ({
  ...state,
  status: 'playing',
  current,
  posMs,
  rate: 1,
  t0Ms,
  endsAtMs: t0Ms + current.durationMs - posMs,
})

function pauseAt(state: PartyState, current: Item, posMs: number, t0Ms: number): PartyState {
  if (state.status === 'paused' && state.current === current && state.posMs === posMs) return state
  return { ...state, status: 'paused', current, posMs, rate: 0, t0Ms, endsAtMs: null }
}

const stopped = <S extends 'idle' | 'ended'>(status: S, t0Ms: number) => ({
  status,
  current: null,
  posMs: 0,
  rate: 0,
  t0Ms,
  endsAtMs: null,
})

const refuse = (refused: RefusalReason): Refused => ({ refused })
