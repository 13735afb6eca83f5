import { type Context } from '../../kernel/pipeline/context'
import { type JobSpec } from '../../kernel/events/job-spec'
import { count, id, shape } from '../../kernel/pipeline/schema'
import { type Party, PartyItem } from '../../models'
import { queueChanged, timelineChanged } from './events'
import { reduce, type Action, isRefused, type PartyState } from './party'
import { refusalForReason } from './refusals'
import { loadQueue } from './party-items'
import { saveRevision } from './save-revision'
import { toPartyState } from './to-party-state'
import { viewQueue, viewTimeline } from './views'

/**
 * Applies an action to a locked party: runs the state machine, saves the new state, emits the events and schedules the end of
 * the track.
 * @throws when the state machine refuses: see `refusalForReason`
 */
export async function applyPlaybackAction(party: Party, action: Action, context: Context): Promise<PartyState> {
  const { now, actor, emit } = context
  const queuedRows = await loadQueue(party)
  const before = toPartyState(party, queuedRows)
  const after = reduce(before, action, now.getTime())
  if (isRefused(after)) throw refusalForReason[after.refused]()
  if (after === before) return after

  const hasQueueChanged = await writeQueue(party, queuedRows, after, now)
  setTimeline(party, after, now)
  const actorId = action.kind === 'catch-up' ? null : (actor?.id ?? null)
  const fields = { timeline: viewTimeline(after), serverTimeMs: now.getTime(), actorId }
  await emit(timelineChanged, { ...(await saveRevision(party)), ...fields })
  if (hasQueueChanged) await emit(queueChanged, { ...(await saveRevision(party)), queue: viewQueue(after) })
  await scheduleAdvance(party, after, context)
  return after
}

/** The name and payload of the job `advanceParty`. They are here because `advance-party.ts` imports this file. */
export const advancePartySpec: JobSpec<{ partyId: string; itemId: string; rev: number }> = {
  name: 'listening-party.advanceParty',
  payload: shape({ partyId: id, itemId: id, rev: count }),
  attemptsMax: 25,
}

/**
 * Enqueues the job for the end of the current track, with a key per revision; outdated jobs do nothing when they run. One key
 * per party would replace them, but graphile-worker loses a job that is replaced at the moment a worker takes it.
 */
async function scheduleAdvance(party: Party, { current, endsAtMs, rev }: PartyState, { enqueue }: Context) {
  if (current === null || endsAtMs === null) return
  const options = { key: `party:${party.id}:${rev}`, runAt: new Date(endsAtMs) }
  await enqueue(advancePartySpec, { partyId: party.id, itemId: current.itemId, rev }, options)
}

/** Sets the timeline columns without saving; `saveRevision` saves the row. */
function setTimeline(party: Party, after: PartyState, now: Date): void {
  const { status, current, posMs, t0Ms, endsAtMs, rev } = after
  const currentItem = { itemId: null, trackId: null, durationMs: null, ...current }
  const endedAt = status === 'ended' ? (party.endedAt ?? now) : null
  party.set({ status, ...currentItem, posMs, t0Ms, endsAtMs, timelineRev: rev, endedAt })
}

/** Inserts new items and marks items that have left the queue; returns whether anything changed. */
async function writeQueue(party: Party, queuedRows: readonly PartyItem[], { queue }: PartyState, now: Date) {
  const remaining = new Set(queue.map(({ itemId }) => itemId))
  const removed = queuedRows.filter(({ id }) => !remaining.has(id)).map(({ id }) => id)
  if (removed.length > 0) await PartyItem.update({ leftQueueAt: now }, { where: { id: removed } })

  const existing = new Set(queuedRows.map(({ id }) => id))
  const lastPosition = queuedRows.at(-1)?.queuePosition ?? 0
  const added = queue
    .filter(({ itemId }) => !existing.has(itemId))
    .map(({ itemId, ...item }, index) => ({ ...item, id: itemId, queuePosition: lastPosition + 1 + index }))
  if (added.length > 0) await PartyItem.bulkCreate(added.map(item => ({ ...item, partyId: party.id, addedAt: now })))
  return removed.length + added.length > 0
}
