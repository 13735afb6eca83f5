import { type Party, type PartyItem } from '../../models'
import { type PartyState } from './party'

/** The state of the state machine, from the party's row and the rows of its queued items. */
export function toPartyState(party: Party, queuedRows: readonly PartyItem[]): PartyState {
  const { timelineRev: rev, itemId, trackId, durationMs, status, posMs, t0Ms, endsAtMs } = party
  const current = itemId === null || trackId === null || durationMs === null ? null : { itemId, trackId, durationMs }
  const queue = queuedRows.map(row => ({
    itemId: row.id,
    trackId: row.trackId,
    durationMs: row.durationMs,
    addedBy: row.addedBy,
  }))
  return { rev, status, current, posMs, rate: status === 'playing' ? 1 : 0, t0Ms, endsAtMs, queue }
}
