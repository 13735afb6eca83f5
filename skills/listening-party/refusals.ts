import { refusal, type RefusalKind, refusals } from '../../kernel/pipeline/refusals'
import { type RefusalReason } from './party'

export const partyHasEnded = refusal('party_ended', 409, 'The party has ended')
export const partyFull = refusal('party_full', 409, 'The party is full')
export const nothingPlaying = refusal('nothing_playing', 409, 'Nothing is playing')
export const nothingToPlay = refusal('nothing_to_play', 409, 'The queue is empty')
export const itemNotCurrent = refusal('item_not_current', 409, 'This item is not the current one')
export const queueFull = refusal('queue_full', 409, 'The queue is full')
export const memberQueueFull = refusal('member_queue_full', 409, 'You have too many tracks in the queue')
export const hostRequired = refusal('host_required', 409, 'Make another member the host first')

/** The refusal for each reason of the state machine (`party.ts`). */
export const refusalForReason: Record<RefusalReason, RefusalKind> = {
  ended: partyHasEnded,
  'nothing-playing': nothingPlaying,
  'nothing-to-play': nothingToPlay,
  'not-current': itemNotCurrent,
  'queue-full': queueFull,
  'member-queue-full': memberQueueFull,
  // No client sees this one: it fails the job `advanceParty`, which graphile-worker retries.
  'too-early': refusals.conflict,
}
