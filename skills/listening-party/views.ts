import {
  count,
  boolean,
  id,
  timestamp,
  list,
  named,
  nullable,
  number,
  oneOf,
  shape,
  type Value,
  integer,
  outputText,
} from '../../kernel/pipeline/schema'
import { type Party, type PartyMember } from '../../models'
import { trackView } from '../tracks/views'
import { profileSummary, type ProfileSummary } from '../user-profile/views'
import { nextItemsMax, type PartyState, type Item, queueLengthMax } from './party'
import { partyRoles, type PartyRole, roleOf } from './rules'

/** How many members a snapshot lists, in the order in which they joined. */
export const snapshotMembersMax = 200

const partyStatus = oneOf('idle', 'playing', 'paused', 'ended')
export const partyRole = oneOf(...partyRoles)
const itemFields = { itemId: id, trackId: id, durationMs: count }
const instantMs = number(0, Number.MAX_SAFE_INTEGER)

/**
 * The playback position at party time τ is `posMs + rate · (τ − t0Ms)` for τ ≥ t0Ms, `posMs` before; at most `durationMs`.
 * `rev` is the revision of the timeline, not of the party.
 */
export const timelineView = named(
  'PartyTimeline',
  shape({
    rev: count,
    status: partyStatus,
    itemId: nullable(id),
    trackId: nullable(id),
    posMs: count,
    rate: integer(0, 1),
    t0Ms: instantMs,
    durationMs: nullable(count),
    endsAtMs: nullable(instantMs),
    next: list(shape(itemFields), nextItemsMax),
  }),
)
export type TimelineView = Value<typeof timelineView>

/** Track ids only, because a member may not be able to see every track. */
export const queueView = list(named('PartyItem', shape({ ...itemFields, addedById: id })), queueLengthMax)

export const memberView = named('PartyMember', shape({ profile: profileSummary, role: partyRole, joinedAt: timestamp }))
export type MemberView = Value<typeof memberView>

const partyFields = {
  id,
  title: outputText,
  host: profileSummary,
  capacity: count,
  memberCount: count,
  rev: count,
  createdAt: timestamp,
  endedAt: nullable(timestamp),
  viewer: shape({ role: nullable(partyRole) }),
}
const partyView = named('Party', shape(partyFields))
export const listedPartyView = named('ListedParty', shape({ ...partyFields, isPlaying: boolean }))

/** Everything a client needs to play along. `tracks` are the current and queued tracks that the viewer may see. */
export const snapshotView = named(
  'PartySnapshot',
  shape({
    party: partyView,
    timeline: timelineView,
    queue: queueView,
    members: list(memberView, snapshotMembersMax),
    tracks: list(trackView, queueLengthMax + 1),
    serverTimeMs: count,
  }),
)
export type SnapshotView = Value<typeof snapshotView>

/** The response of a playback command: the timeline after it, changed or not. */
const commandFields = { partyId: id, rev: count, timeline: timelineView }
export const playbackView = named('PartyPlayback', shape(commandFields))
export const queuedTrackView = shape({ ...commandFields, itemId: id })

export const viewPlayback = ({ id: partyId, rev }: Party, state: PartyState): Value<typeof playbackView> => ({
  partyId,
  rev,
  timeline: viewTimeline(state),
})

export function viewTimeline({ rev, status, current, posMs, rate, t0Ms, endsAtMs, queue }: PartyState): TimelineView {
  const currentIds = { itemId: current?.itemId ?? null, trackId: current?.trackId ?? null }
  const next = queue.slice(0, nextItemsMax).map(viewItem)
  return { rev, status, ...currentIds, posMs, rate, t0Ms, durationMs: current?.durationMs ?? null, endsAtMs, next }
}

/** Without `addedBy`, which a queued item also has. */
const viewItem = ({ itemId, trackId, durationMs }: Item): Item => ({ itemId, trackId, durationMs })

export const viewQueue = ({ queue }: PartyState): Value<typeof queueView> =>
  queue.map(item => ({ ...viewItem(item), addedById: item.addedBy }))

type PartyColumns = Pick<Party, 'id' | 'title' | 'capacity' | 'memberCount' | 'rev' | 'createdAt' | 'endedAt'>

export const viewParty = (
  party: PartyColumns,
  host: ProfileSummary,
  role: PartyRole | null,
): Value<typeof partyView> => ({
  ...{ id: party.id, title: party.title, host, capacity: party.capacity, memberCount: party.memberCount },
  rev: party.rev,
  createdAt: party.createdAt.toISOString(),
  endedAt: party.endedAt?.toISOString() ?? null,
  viewer: { role },
})

export const viewMember = (party: Party, member: PartyMember, profile: ProfileSummary): MemberView => ({
  profile,
  role: roleOf(party, member),
  joinedAt: member.joinedAt.toISOString(),
})
