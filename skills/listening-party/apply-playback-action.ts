import { type Context } from '../../kernel/pipeline/context'
import { type JobSpec } from '../../kernel/events/job-spec'
import { count, id, shape } from '../../kernel/pipeline/schema'
import { type Party, PartyItem } from '../../models'
import { queueChanged, timelineChanged } from './events'
import { reduce, type Action, isRefused, type PartyState } from './party'
import { refusalForReason } from './refusals'
import { saveRevision, loadQueue } from './visible-party'
import { toPartyState, viewQueue, viewTimeline } from './views'

/**
 * Applies an action to a locked party: runs the state machine, saves the new state, emits the events and schedules the end of
 * the track.
 * @throws the refusal of the state machine: see `refusalForReason`
 */
export async function applyPlaybackAction(party: Party, action: Action, context: Context): Promise<PartyState> {
  const { now, actor, emit } = context
  const waiting = await loadQueue(party)
  const before = toPartyState(party, waiting)
  const after = reduce(before, action, now.getTime())
  if (isRefused(after)) throw refusalForReason[after.refused]()
  if (after === before) return after

  const hasQueueChanged = await writeQueue(party, waiting, after, now)
  setTimeline(party, after, now)
  const actorId = action.kind === 'catch-up' ? null : (actor?.id ?? null)
  const timeline = { timeline: viewTimeline(after), serverTimeMs: now.getTime(), actorId }
  await emit(timelineChanged, { ...(await saveRevision(party)), ...timeline })
  if (hasQueueChanged) await emit(queueChanged, { ...(await saveRevision(party)), queue: viewQueue(after) })
  await scheduleAdvance(party, after, context)
  return after
}

/** What enqueuing the job `advanceParty` needs: the job itself applies an action, so it imports this file. */
export const advancePartySpec: JobSpec<{ partyId: string; itemId: string; rev: number }> = {
  name: 'listening-party.advanceParty',
  payload: shape({ partyId: id, itemId: id, rev: count }),
  attemptsMax: 25,
}

/**
 * Enqueues one job per timeline revision; outdated jobs do nothing when they run. Each has its own key, because
 * graphile-worker loses a job that is replaced by key at the moment a worker takes it.
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
async function writeQueue(party: Party, waiting: readonly PartyItem[], { queue }: PartyState, now: Date) {
  const remaining = new Set(queue.map(({ itemId }) => itemId))
  const removed = waiting.filter(({ id }) => !remaining.has(id)).map(({ id }) => id)
  if (removed.length > 0) await PartyItem.update({ leftQueueAt: now }, { where: { id: removed } })

  const existing = new Set(waiting.map(({ id }) => id))
  const lastPosition = waiting.at(-1)?.queuePosition ?? 0
  const added = queue
    .filter(({ itemId }) => !existing.has(itemId))
    .map(({ itemId, ...item }, index) => ({ ...item, id: itemId, queuePosition: lastPosition + 1 + index }))
  if (added.length > 0) await PartyItem.bulkCreate(added.map(item => ({ ...item, partyId: party.id, addedAt: now })))
  return removed.length + added.length > 0
}
