import { type Context } from '../../kernel/context'
import { job } from '../../kernel/job'
import { count, id, shape } from '../../kernel/schema'
import { Party, PartyItem } from '../../models'
import { queueChanged, timelineChanged } from './events'
import { act, type Action, isRefused, type PartyState } from './party'
import { refusalOf } from './refusals'
import { stamp, waitingIn } from './room'
import { stateOf, viewQueue, viewTimeline } from './views'

/**
 * Lets the machine act on a locked party; writes, announces and schedules what follows.
 * @throws why the machine refuses: see `refusalOf`
 */
export async function direct(party: Party, action: Action, context: Context): Promise<PartyState> {
  const { now, actor, emit } = context
  const waiting = await waitingIn(party)
  const before = stateOf(party, waiting)
  const after = act(before, action, now.getTime())
  if (isRefused(after)) throw refusalOf[after.refused]()
  if (after === before) return after

  const queueMoved = await writeQueue(party, waiting, after, now)
  writeTimeline(party, after, now)
  const by = action.kind === 'catch-up' ? null : (actor?.id ?? null)
  const timeline = { timeline: viewTimeline(after), serverTimeMs: now.getTime(), by }
  await emit(timelineChanged, { ...(await stamp(party)), ...timeline })
  if (queueMoved) await emit(queueChanged, { ...(await stamp(party)), queue: viewQueue(after) })
  await scheduleAdvance(party, after, context)
  return after
}

/** Goes on when a track is over. Twice or too late does no harm: only the item and revision it was asked for count. */
export const advanceParty = job({
  name: 'listening-party.advance',
  payload: shape({ partyId: id, itemId: id, rev: count }),
  attemptsMax: 25,

  run: ({ partyId, itemId, rev }, { transact }) =>
    transact(async context => {
      const party = await Party.findByPk(partyId, { lock: true })
      if (party !== null) await direct(party, { kind: 'advance', itemId, rev }, context)
    }),
})

/**
 * One job for each revision; those that were overtaken come to nothing when they are due. They do not share a key: a job is
 * lost when graphile-worker replaces it by its key at the very moment that a worker takes it.
 */
async function scheduleAdvance(party: Party, { current, endsAtMs, rev }: PartyState, { enqueue }: Context) {
  if (current === null || endsAtMs === null) return
  const options = { key: `party:${party.id}:${rev}`, runAt: new Date(endsAtMs) }
  await enqueue(advanceParty, { partyId: party.id, itemId: current.itemId, rev }, options)
}

function writeTimeline(party: Party, after: PartyState, now: Date): void {
  const { status, current, posMs, t0Ms, endsAtMs, rev } = after
  const on = { itemId: null, trackId: null, durationMs: null, ...current }
  const endedAt = status === 'ended' ? (party.endedAt ?? now) : null
  party.set({ status, ...on, posMs, t0Ms, endsAtMs, timelineRev: rev, endedAt })
}

/** Writes what came into the queue and what left it; says whether anything did. */
async function writeQueue(party: Party, waiting: readonly PartyItem[], { queue }: PartyState, now: Date) {
  const stays = new Set(queue.map(({ itemId }) => itemId))
  const gone = waiting.filter(({ id }) => !stays.has(id)).map(({ id }) => id)
  if (gone.length > 0) await PartyItem.update({ takenAt: now }, { where: { id: gone } })

  const known = new Set(waiting.map(({ id }) => id))
  const lastPlace = waiting.at(-1)?.place ?? 0
  const added = queue
    .filter(({ itemId }) => !known.has(itemId))
    .map(({ itemId, ...item }, index) => ({ ...item, id: itemId, place: lastPlace + 1 + index }))
  if (added.length > 0) await PartyItem.bulkCreate(added.map(item => ({ ...item, partyId: party.id, addedAt: now })))
  return gone.length + added.length > 0
}
