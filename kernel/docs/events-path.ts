import {
  channelEventsPath,
  eventsWish,
  sseEvents,
  streamOpensPerMinute,
  streamsPerPersonMax,
  tooManyStreams,
} from '../protocol'
import { refusals } from '../refusals'
import { refusalResponses } from './refusal-responses'
import { type Json, type SchemaBook } from './schemas'

/** The one path that is no operation: what a channel says to whoever has no socket. */
export function eventsPath(book: SchemaBook): Record<string, Json> {
  const { properties = {} } = book.of(eventsWish) as { properties?: Record<string, Json> }
  const query = (name: string, description: string) => ({ in: 'query', name, description, schema: properties[name] })
  return {
    [channelEventsPath.replace(/:(\w+)/g, '{$1}')]: {
      get: {
        operationId: 'channels.getEvents',
        tags: ['channels'],
        summary: 'Read on in a channel, wait for what happens there, or hear it as server-sent events.',
        description: `${about} Needs a token.`,
        parameters: [
          { in: 'path', name: 'channel', required: true, description: '`<kind>:<id>`', schema: properties.channel },
          query('after', 'The last place you have seen, as `<epoch>:<offset>`. Without it: where the channel is now.'),
          query('wait', 'Seconds to wait for an event when there is none yet; then `events` is empty.'),
          {
            in: 'header',
            name: 'Last-Event-ID',
            description: 'The same as `after`, and wins.',
            schema: properties.after,
          },
        ],
        responses: {
          200: {
            description: `As \`text/event-stream\`, by name: ${sseEvents.map(described).join(' ')}`,
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  required: ['data'],
                  properties: { data: { $ref: '#/components/schemas/CatchUp' } },
                },
              },
              'text/event-stream': { schema: { type: 'string' }, example },
            },
          },
          ...refusalResponses(mayRefuse),
        },
      },
    },
  }
}

const about =
  'The same stream as over a socket. Answers with what is after your place, a page at a time (`more`), and with the newest ' +
  'state. With `recovered: false` your place means nothing any more: take a snapshot and go on after its `position`. With ' +
  '`Accept: text/event-stream` it stays open: each `id` is a place, so that `Last-Event-ID` resumes on any node. ' +
  `At most ${streamOpensPerMinute} requests a minute; at most ${streamsPerPersonMax} at a time that wait or stay open.`

const described = ({ name, summary }: (typeof sseEvents)[number]) => `\`${name}\`: ${summary}`

const example = [
  'event: events',
  'id: 8f3k:42',
  `data: {"channel":"track:01a2…","epoch":"8f3k","events":[{"offset":42,"id":"01a2…","name":"interactions.commentAdded",…}]}`,
  '',
  '',
].join('\n')

const { invalidInput, notSignedIn, tokenInvalid, tokenExpired, sessionRevoked, forbidden, notFound, methodNotAllowed } =
  refusals
const { tooMany, internal, authUnavailable, unavailable, moving } = refusals
const mayRefuse = [
  ...[invalidInput, notSignedIn, tokenInvalid, tokenExpired, sessionRevoked, forbidden, notFound, methodNotAllowed],
  ...[tooMany, tooManyStreams, internal, authUnavailable, unavailable, moving],
]
