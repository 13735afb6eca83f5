import {
  channelEventsPath,
  channelEventsInput,
  sseEvents,
  channelStreamRequestsPerMinute,
  channelStreamsPerProfileMax,
  tooManyChannelStreams,
} from '../events/protocol'
import { type EventFrame } from '../events/frames'
import { formatPosition, type Position } from '../events/position'
import { refusals } from '../pipeline/refusals'
import { answerExample, type CallExample, exampleOf, type Examples } from './examples'
import { refusalResponses } from './refusal-responses'
import { type Json, type SchemaComponents } from './schema-components'

/** The one path that is not an operation: the events of a channel without a socket. */
export function channelEventsPathItem(book: SchemaComponents, examples: Examples): Record<string, Json> {
  const follow = examples.calls['channel.follow'] as CallExample | undefined
  const { channel, after } = (follow?.input ?? {}) as { channel?: string; after?: Position }
  const frame = examples.messages.events as EventFrame | undefined
  const { properties = {} } = book.schemaOf(channelEventsInput) as { properties?: Record<string, Json> }
  const query = (name: string, description: string, example?: unknown) => ({
    ...{ in: 'query', name, description, schema: properties[name] },
    ...exampleOf(example),
  })
  return {
    [channelEventsPath.replace(/:(\w+)/g, '{$1}')]: {
      get: {
        operationId: 'channels.getEvents',
        tags: ['channels'],
        summary: 'Get, wait for or stream the events of a channel',
        description: `${about} Needs a token.`,
        parameters: [
          {
            ...{ in: 'path', name: 'channel', required: true, description: '`<kind>:<id>`' },
            ...{ schema: properties.channel, ...exampleOf(channel) },
          },
          query(
            'after',
            'The last position you have received, as `<epoch>:<offset>`. Default: the current position.',
            after && formatPosition(after),
          ),
          query('wait', 'Long polling: seconds to wait for an event when there is none; `events` is empty after that.'),
          {
            in: 'header',
            name: 'Last-Event-ID',
            description: 'The same as `after`, and takes precedence.',
            schema: properties.after,
          },
        ],
        responses: {
          200: {
            description: `As \`text/event-stream\`, by event name: ${sseEvents.map(described).join(' ')}`,
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  required: ['data'],
                  properties: { data: { $ref: '#/components/schemas/CatchUp' } },
                },
                ...exampleOf(answerExample(follow)),
              },
              'text/event-stream': { schema: { type: 'string' }, ...exampleOf(frame && eventText(frame)) },
            },
          },
          ...refusalResponses(channelEventsMayRefuse),
        },
      },
    },
  }
}

const about =
  'The same events as over a socket. Returns the events after your position, a page at a time (`hasMore`), and the current ' +
  'state. With `recovered: false` your position is no longer valid: load a snapshot and continue after its `position`. With ' +
  '`Accept: text/event-stream` the response stays open; each `id` is a position, so `Last-Event-ID` resumes on any node. ' +
  `At most ${channelStreamRequestsPerMinute} requests a minute, and at most ${channelStreamsPerProfileMax} concurrent long polls and streams.`

const described = ({ name, summary, description = '' }: (typeof sseEvents)[number]) =>
  `\`${name}\`: ${`${summary}. ${description}`.trim()}`

/** A frame as a server-sent event: its id is the position after it. */
function eventText(frame: EventFrame): string {
  const id = formatPosition({ epoch: frame.epoch, offset: frame.events.at(-1)?.offset ?? 0 })
  return ['event: events', `id: ${id}`, `data: ${JSON.stringify(frame)}`, '', ''].join('\n')
}

const { invalidInput, notSignedIn, tokenInvalid, tokenExpired, sessionRevoked, forbidden, notFound, methodNotAllowed } =
  refusals
const { tooManyRequests, internalError, authUnavailable, unavailable, draining } = refusals
export const channelEventsMayRefuse = [
  ...[invalidInput, notSignedIn, tokenInvalid, tokenExpired, sessionRevoked, forbidden, notFound, methodNotAllowed],
  ...[tooManyRequests, tooManyChannelStreams, internalError, authUnavailable, unavailable, draining],
]
