import { event } from '../../kernel/events/event'
import { count, id, timestamp, nullable, oneOf, shape } from '../../kernel/pipeline/schema'
import { memberView, queueView, timelineView } from './views'

/** `rev` grows by one with every event of a party, unlike `timeline.rev`: a client that sees a gap takes the snapshot. */
const commonFields = { partyId: id, rev: count }

const members = ({ partyId }: { partyId: string }) => [`party:${partyId}`]
const membersAnd = (profileId: string, data: { partyId: string }) => [...members(data), `user:${profileId}`]

export const timelineChanged = event({
  name: 'listening-party.timelineChanged',
  summary: 'The timeline changed',
  description: 'Contains the whole timeline. `actorId` is null when a track ended by itself.',
  payload: shape({ ...commonFields, timeline: timelineView, serverTimeMs: count, actorId: nullable(id) }),
  channels: members,
})

export const queueChanged = event({
  name: 'listening-party.queueChanged',
  summary: 'The queue changed',
  description: 'Contains the whole queue.',
  payload: shape({ ...commonFields, queue: queueView }),
  channels: members,
})

export const memberJoined = event({
  name: 'listening-party.memberJoined',
  summary: 'A member joined',
  payload: shape({ ...commonFields, member: memberView, memberCount: count }),
  channels: data => membersAnd(data.member.profile.id, data),
})

export const memberChanged = event({
  name: 'listening-party.memberChanged',
  summary: "A member's role changed",
  payload: shape({ ...commonFields, member: memberView, memberCount: count }),
  channels: data => membersAnd(data.member.profile.id, data),
})

export const memberLeft = event({
  name: 'listening-party.memberLeft',
  summary: 'A member left, was kicked or was banned',
  payload: shape({ ...commonFields, profileId: id, reason: oneOf('left', 'kicked', 'banned'), memberCount: count }),
  channels: data => membersAnd(data.profileId, data),
  revokesAccess: ({ partyId, profileId }) => ({ channel: `party:${partyId}`, profileId }),
})

export const partyEnded = event({
  name: 'listening-party.partyEnded',
  summary: 'The party ended',
  payload: shape({ ...commonFields, endedAt: timestamp }),
  channels: members,
})
