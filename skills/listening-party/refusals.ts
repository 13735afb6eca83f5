import { refusal, type RefusalKind, refusals } from '../../kernel/refusals'
import { type Reason } from './party'

export const partyOver = refusal('party_ended', 409, 'The party is over')
export const partyFull = refusal('party_full', 409, 'The party is full')
export const nothingOn = refusal('nothing_on', 409, 'No track is on')
export const nothingToPlay = refusal('nothing_to_play', 409, 'The queue is empty')
export const itemNotCurrent = refusal('item_not_current', 409, 'This track is not on yet')
export const queueFull = refusal('queue_full', 409, 'The queue is full')
export const queueShareFull = refusal('queue_share_full', 409, 'You have as many tracks waiting as you may')
export const trackNotReady = refusal('track_not_ready', 409, 'The track cannot be played yet')
export const hostNeeded = refusal('host_needed', 409, 'Make somebody else the host first')

/** Why the machine said no, as a refusal. */
export const refusalOf: Record<Reason, RefusalKind> = {
  ended: partyOver,
  'nothing-on': nothingOn,
  'nothing-to-play': nothingToPlay,
  'not-current': itemNotCurrent,
  'queue-full': queueFull,
  'share-full': queueShareFull,
  'too-early': refusals.conflict,
}
