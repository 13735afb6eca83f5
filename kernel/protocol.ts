import { refusal } from './refusals'
import {
  anything,
  count,
  faultsMax,
  type Field,
  flag,
  id,
  instant,
  list,
  named,
  nothing,
  open,
  optional,
  pattern,
  record,
  shape,
  whole,
  written,
} from './schema'
import { position } from './stream'

/** What travels besides the operations: declared once, for the documents, the client's types and the tests. */

export const catchUpEventsMax = 300
export const channelsPerSocketMax = 100
export const waitSecondsMax = 25
const channelsMax = 1_000
const membersMax = 10_000
const tokenLengthMax = 8_192

/** `<kind>:<id>` */
export const channelName = pattern(/^[a-z]+:[0-9a-f-]{36}$/, 60)
const positionField = named('Position', position)
/** `<epoch>:<offset>`, as in URLs and as `Last-Event-ID`. */
const positionText = pattern(/^[0-9a-z]{1,32}:\d{1,15}$/, 48)
/** Text of a name that only the two ends of a signal must understand. */
const signalName = pattern(/^[a-zA-Z][\w.-]*$/, 60)

export const problem = named(
  'Problem',
  shape({
    type: written,
    title: written,
    status: whole(400, 599),
    code: written,
    detail: optional(written),
    errors: optional(list(shape({ path: written, code: written, message: written }), faultsMax)),
    retryAfter: optional(count),
    current: optional(anything),
    requestId: written,
  }),
)

export const streamEvent = named(
  'StreamEvent',
  shape({ offset: whole(1, Number.MAX_SAFE_INTEGER), id, name: written, at: instant, data: anything }),
)
export const streamState = named('StreamState', record(open(shape({ rev: count }))))
const events = list(streamEvent, catchUpEventsMax)
const epoch = pattern(/^[0-9a-z]{1,32}$/, 32)

export const catchUp = named(
  'CatchUp',
  shape({ channel: channelName, epoch, top: count, events, recovered: flag, more: flag, state: streamState }),
)

/** Below `/api/v1`: what a channel says, by long-poll or as server-sent events. */
export const channelEventsPath = '/channels/:channel/events'
/** A long-poll is opened anew for every event that it brings. */
export const streamOpensPerMinute = 600
/** At a time, on one node: those that wait or stay open. */
export const streamsPerPersonMax = 20
export const tooManyStreams = refusal('too_many_streams', 429, 'You follow as many channels over REST as you may')

/** Beside the `data` of a snapshot: where its channel was before the state was read. */
export const snapshotPosition = named('SnapshotPosition', shape({ channel: channelName, epoch, offset: count }))

/** What may be asked there. */
export const eventsWish = shape({
  channel: channelName,
  after: optional(positionText),
  wait: optional(whole(0, waitSecondsMax)),
})

/** The inputs of the calls below. */
export const followWish = shape({ channel: channelName, after: optional(positionField) })
/** The ones that come back to the most channels follow as many as a socket may. */
export const followAllWish = shape({ channels: list(followWish, channelsPerSocketMax) })
export const unfollowWish = shape({ channel: channelName })
export const signalWish = shape({ channel: channelName, name: signalName, data: optional(anything) })
export const refreshWish = shape({ token: pattern(/^[^\s]+$/, tokenLengthMax) })

/** A call of the protocol itself: `emitWithAck(name, {input})` answers `{data}` or `{error}`. */
export interface ProtocolCall {
  name: string
  summary: string
  description?: string
  input: Field<unknown>
  data: Field<unknown>
}

export const protocolCalls: readonly ProtocolCall[] = [
  {
    name: 'channel.follow',
    summary:
      'Hear a channel, from a place on. `after` is the last place you have seen; without it, or with `recovered: false` in the ' +
      'answer, take a snapshot and follow again after its `position`. With `more: true` follow again after the last event.',
    input: followWish,
    data: catchUp,
  },
  {
    name: 'channel.followAll',
    summary:
      'Hear several channels: each as `channel.follow` does it, all in one answer and in the order asked. One that may not be ' +
      'followed is answered with its `error` and is nothing to the others. The best way to come back.',
    input: followAllWish,
    data: shape({ followed: list(shape({ data: optional(catchUp), error: optional(problem) }), channelsPerSocketMax) }),
  },
  {
    name: 'channel.unfollow',
    summary: 'Hear no more of a channel.',
    input: unfollowWish,
    data: shape({ channel: channelName }),
  },
  {
    name: 'channel.signal',
    summary: 'Tell those who follow a channel something that may be lost, such as typing. You must follow it.',
    input: signalWish,
    data: nothing,
  },
  {
    name: 'session.refresh',
    summary: 'Go on with a newer token of the same person, on the same connection.',
    input: refreshWish,
    data: shape({ expiresAt: instant }),
  },
]

/** What the server says without being asked. */
export interface ProtocolMessage {
  name: string
  summary: string
  description?: string
  payload: Field<unknown>
}

const profileIds = list(id, membersMax)

export const protocolMessages: readonly ProtocolMessage[] = [
  {
    name: 'events',
    summary: 'What happened on a channel: offsets follow each other without a gap, in one order for all.',
    payload: named('StreamFrame', shape({ channel: channelName, epoch, events })),
  },
  {
    name: 'state',
    summary: 'The newest values of a channel: of each keep the one with the highest `rev`.',
    payload: named('StateFrame', shape({ channel: channelName, values: streamState })),
  },
  {
    name: 'presence',
    summary:
      'Who came to a channel and who left it, for whoever knows what held at the revision `after` or a later one. Above 200 ' +
      'members only the count is told; who they are is in `state.presence` of the answer to a follow.',
    payload: named(
      'PresenceFrame',
      shape({ channel: channelName, rev: count, after: count, count, joined: profileIds, left: profileIds }),
    ),
  },
  {
    name: 'signal',
    summary: 'What another follower sent with `channel.signal`: at most once, or not at all.',
    payload: named('SignalFrame', shape({ channel: channelName, name: signalName, by: id, data: anything })),
  },
  {
    name: 'resync',
    summary: 'You were too slow and events were left out: follow these channels again after your last places.',
    payload: shape({ channels: list(channelName, channelsMax) }),
  },
  {
    name: 'channel.closed',
    summary: 'You may follow this channel no longer.',
    payload: shape({ channel: channelName, problem }),
  },
  {
    name: 'session.expiring',
    summary: 'Your token is about to expire: send a newer one with `session.refresh`.',
    payload: shape({ expiresAt: instant }),
  },
  { name: 'session.closed', summary: 'The server closes this connection; the problem says why.', payload: problem },
  {
    name: 'session.moving',
    summary: 'This node is going away: connect anew with another `nid`, resume there, then close this connection.',
    payload: shape({ withinMs: count }),
  },
  { name: 'refused', summary: 'The answer to a call that asked for none.', payload: problem },
]

/** What is said on a stream of server-sent events: `event` and the shape of `data`. */
export const sseEvents: readonly ProtocolMessage[] = [
  { name: 'following', summary: 'First: where the channel is. Its `events` come after it.', payload: catchUp },
  ...protocolMessages.filter(({ name }) => name === 'events' || name === 'state'),
  {
    name: 'closed',
    summary: 'Last: you may follow it no longer, or your token has expired.',
    payload: shape({ channel: channelName, problem }),
  },
  {
    name: 'moving',
    summary: 'Last: this node is going away. Come again at once with `Last-Event-ID`.',
    payload: shape({ channel: channelName }),
  },
]

/** Everything above, for the documents to list what has a name. */
export const protocolFields: readonly Field<unknown>[] = [
  snapshotPosition,
  ...protocolCalls.flatMap(({ input, data }) => [input, data]),
  ...[...protocolMessages, ...sseEvents].map(({ payload }) => payload),
]
