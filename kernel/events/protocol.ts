import { refusal } from '../pipeline/refusals'
import {
  anyJson,
  count,
  described,
  fieldErrorsMax,
  type Field,
  boolean,
  id,
  timestamp,
  list,
  named,
  emptyObject,
  allowUnknown,
  optional,
  pattern,
  record,
  shape,
  integer,
  outputText,
  type Value,
} from '../pipeline/schema'
import { tokenLengthMax } from '../platform/tokens'
import { epoch, position, positionText } from './position'

/** The wire protocol besides the operations: the one declaration for the docs, the client types and the tests. */

export const catchUpEventsMax = 300
export const channelsPerSocketMax = 100
export const longPollSecondsMax = 25
const channelsMax = 1_000
const membersMax = 10_000

/** `<kind>:<id>` */
export const channelName = pattern(/^[a-z]+:[0-9a-f-]{36}$/, 60)
const positionField = named('Position', position)
/** Signal names are agreed between clients; the server does not interpret them. */
const signalName = pattern(/^[a-zA-Z][\w.-]*$/, 60)

/** The problem object of RFC 9457, as both transports answer every refusal. */
export const problem = named(
  'Problem',
  shape({
    type: described(outputText, 'urn:tutti:problem:<code>'),
    title: outputText,
    status: integer(400, 599),
    code: described(outputText, 'Stable; compare this, not the title.'),
    detail: optional(outputText),
    errors: optional(list(shape({ path: outputText, code: outputText, message: outputText }), fieldErrorsMax)),
    retryAfter: optional(described(count, 'Seconds to wait before a retry can succeed.')),
    current: optional(described(anyJson, 'With `stale_revision`: the current resource.')),
    requestId: outputText,
  }),
)

export const channelEvent = named(
  'ChannelEvent',
  shape({ offset: integer(1, Number.MAX_SAFE_INTEGER), id, name: outputText, at: timestamp, data: anyJson }),
)
export const channelState = named('ChannelState', record(allowUnknown(shape({ rev: count }))))
const events = list(channelEvent, catchUpEventsMax)

export const catchUp = named(
  'CatchUp',
  shape({
    channel: channelName,
    epoch,
    latestOffset: count,
    events,
    recovered: boolean,
    hasMore: boolean,
    state: channelState,
  }),
)

/** Below `/api/v1`: the events of a channel, by long polling or as server-sent events. */
export const channelEventsPath = '/channels/:channel/events'
/** High, because a long poll is a new request for every event. */
export const channelStreamRequestsPerMinute = 600
/** Concurrent long polls and event streams of one profile on one node. */
export const channelStreamsPerProfileMax = 20
export const tooManyChannelStreams = refusal('too_many_channel_streams', 429, 'Too many concurrent channel streams')

/** Beside the `data` of a snapshot: the position of its channel before the state was read. */
export const snapshotPosition = named('SnapshotPosition', shape({ channel: channelName, epoch, offset: count }))

/** Path and query parameters of `channelEventsPath`. */
export const channelEventsInput = shape({
  channel: channelName,
  after: optional(positionText),
  wait: optional(integer(0, longPollSecondsMax)),
})

/** Input of `channel.follow`, as the other inputs below are of the calls with their names. */
export const followInput = shape({ channel: channelName, after: optional(positionField) })
/** A reconnecting client may follow all its channels in one call. */
export const followAllInput = shape({ channels: list(followInput, channelsPerSocketMax) })
export const unfollowInput = shape({ channel: channelName })
export const signalInput = shape({ channel: channelName, name: signalName, data: optional(anyJson) })
export const refreshTokenInput = shape({ token: pattern(/^[^\s]+$/, tokenLengthMax) })

/** A call that is no operation: `emitWithAck(name, {input})` answers `{data}` or `{error}`. */
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
    summary: 'Follow a channel',
    description:
      '`after` is the last position you have received. Without it, or when the answer has `recovered: false`, load a snapshot ' +
      'and follow again after its `position`. With `hasMore: true` follow again after the last event.',
    input: followInput,
    data: catchUp,
  },
  {
    name: 'channel.followAll',
    summary: 'Follow several channels in one call',
    description:
      'Follows each channel as `channel.follow` does and answers in the order of the input. A channel that is refused has an ' +
      '`error` and does not affect the others. Use it after a reconnect.',
    input: followAllInput,
    data: shape({ followed: list(shape({ data: optional(catchUp), error: optional(problem) }), channelsPerSocketMax) }),
  },
  {
    name: 'channel.unfollow',
    summary: 'Stop following a channel',
    input: unfollowInput,
    data: shape({ channel: channelName }),
  },
  {
    name: 'channel.signal',
    summary: 'Send a signal to the followers of a channel',
    description: 'A signal may be lost, so use it for ephemeral state such as typing. You must follow the channel.',
    input: signalInput,
    data: emptyObject,
  },
  {
    name: 'session.refresh',
    summary: 'Replace the access token of this connection',
    description: 'The token must belong to the same user. A token older than the current one is ignored.',
    input: refreshTokenInput,
    data: shape({ expiresAt: timestamp }),
  },
]

/** A message that the server sends by itself. */
export interface ProtocolMessage {
  name: string
  summary: string
  description?: string
  payload: Field<unknown>
}

const profileIds = list(id, membersMax)

/** A presence change: the state at revision `rev`, for clients that know the state at `previousRev` or later. */
const presenceFrame = named(
  'PresenceFrame',
  shape({ channel: channelName, rev: count, previousRev: count, count, joined: profileIds, left: profileIds }),
)
export type PresenceFrame = Value<typeof presenceFrame>

export const protocolMessages: readonly ProtocolMessage[] = [
  {
    name: 'events',
    summary: 'Events of a channel, in order',
    description: 'Offsets have no gaps, and all followers receive the same order.',
    payload: named('EventFrame', shape({ channel: channelName, epoch, events })),
  },
  {
    name: 'state',
    summary: 'New values of a channel’s state',
    description: 'Of each value keep the one with the highest `rev`.',
    payload: named('StateFrame', shape({ channel: channelName, values: channelState })),
  },
  {
    name: 'presence',
    summary: 'Members who joined or left a channel',
    description:
      'Applies to a member list of revision `previousRev` or later. Above 200 members only `count` is sent. The full list is in ' +
      '`state.presence` of the answer to a follow.',
    payload: presenceFrame,
  },
  {
    name: 'signal',
    summary: 'A signal from another follower',
    description: 'Sent with `channel.signal`; delivered at most once.',
    payload: named('SignalFrame', shape({ channel: channelName, name: signalName, senderId: id, data: anyJson })),
  },
  {
    name: 'resync',
    summary: 'Events were skipped because the client reads too slowly',
    description: 'Follow these channels again after the last offsets you have received.',
    payload: shape({ channels: list(channelName, channelsMax) }),
  },
  {
    name: 'channel.closed',
    summary: 'You have lost access to a channel',
    description: 'The server has unfollowed it for you; `problem` says why.',
    payload: shape({ channel: channelName, problem }),
  },
  {
    name: 'session.expiring',
    summary: 'The access token is about to expire',
    description: 'Send a newer one with `session.refresh`.',
    payload: shape({ expiresAt: timestamp }),
  },
  {
    name: 'connection.closed',
    summary: 'The server closes this connection',
    description: 'The problem says why; its status says whether to reconnect.',
    payload: problem,
  },
  {
    name: 'connection.draining',
    summary: 'This node is shutting down',
    description: 'Open a second connection with another `nid`, resume there, then close this one.',
    payload: shape({ deadlineMs: count }),
  },
  { name: 'call.refused', summary: 'A call without an acknowledgement was refused', payload: problem },
]

/** Server-sent events: the `event` names and the shapes of `data`. */
export const sseEvents: readonly ProtocolMessage[] = [
  {
    name: 'followed',
    summary: 'First: the position of the channel',
    description: 'Its `events` is empty; the events follow in `events` frames.',
    payload: catchUp,
  },
  ...protocolMessages.filter(({ name }) => name === 'events' || name === 'state'),
  {
    name: 'channel.closed',
    summary: 'Last: access was lost or the token has expired',
    payload: shape({ channel: channelName, problem }),
  },
  {
    name: 'draining',
    summary: 'Last: this node is shutting down',
    description: 'Reconnect at once with `Last-Event-ID`.',
    payload: shape({ channel: channelName }),
  },
]

/** All schemas of the protocol, from which the docs collect the named ones. */
export const protocolSchemas: readonly Field<unknown>[] = [
  snapshotPosition,
  ...protocolCalls.flatMap(({ input, data }) => [input, data]),
  ...[...protocolMessages, ...sseEvents].map(({ payload }) => payload),
]
