import { event } from '../../kernel/event'
import { count, id, instant, nullable, oneOf, shape } from '../../kernel/schema'
import { memberView, queueView, timelineView } from './views'

/** `rev` grows by one with every event of a party: whoever misses one sees the gap and asks for the snapshot. */
const about = { partyId: id, rev: count }

const everybody = ({ partyId }: { partyId: string }) => [`party:${partyId}`]
const andPerson = (data: { partyId: string }, profileId: string) => [...everybody(data), `user:${profileId}`]

export const timelineChanged = event({
  name: 'listening-party.timelineChanged',
  summary: 'The whole timeline, after a command or the end of a track; `by` is null when the track ended by itself.',
  payload: shape({ ...about, timeline: timelineView, serverTimeMs: count, by: nullable(id) }),
  channels: everybody,
})

export const queueChanged = event({
  name: 'listening-party.queueChanged',
  summary: 'The whole queue, after tracks were added, taken out or taken on.',
  payload: shape({ ...about, queue: queueView }),
  channels: everybody,
})

export const memberJoined = event({
  name: 'listening-party.memberJoined',
  summary: 'Somebody joined.',
  payload: shape({ ...about, member: memberView, memberCount: count }),
  channels: data => andPerson(data, data.member.profile.id),
})

export const memberChanged = event({
  name: 'listening-party.memberChanged',
  summary: 'Somebody has another role now.',
  payload: shape({ ...about, member: memberView, memberCount: count }),
  channels: data => andPerson(data, data.member.profile.id),
})

export const memberLeft = event({
  name: 'listening-party.memberLeft',
  summary: 'Somebody left, was removed, or may not come back.',
  payload: shape({ ...about, profileId: id, why: oneOf('left', 'removed', 'banned'), memberCount: count }),
  channels: data => andPerson(data, data.profileId),
  unsettles: ({ partyId, profileId }) => ({ channel: `party:${partyId}`, profileId }),
})

export const partyEnded = event({
  name: 'listening-party.partyEnded',
  summary: 'The party is over.',
  payload: shape({ ...about, endedAt: instant }),
  channels: everybody,
})
