import { reconnectByStatus, closeReasonList } from '../events/close-reasons'
import { isPublished, type AnyEventType } from '../events/event'
import { type AnyOperation } from '../pipeline/operation'
import { type Registry } from '../pipeline/registry'
import { type ProtocolCall, protocolCalls, type ProtocolMessage, protocolMessages } from '../events/protocol'
import { describeChannels } from './describe-channels'
import { answerExample, type CallExample, type Examples } from './examples'
import { answerSchema, type Json, pageSchema, type SchemaComponents, createSchemaComponents } from './schema-components'

/** Generates the AsyncAPI 3 document of the Socket.IO API: calls with their acknowledgements, and the events of channels. */
export function generateAsyncApi(registry: Registry, examples: Examples): Json {
  const book = createSchemaComponents(registry)
  const calls = [
    ...protocolCalls.map(call => protocolCall(call, book, examples)),
    ...registry.operations.map(op => callOf(op, book, examples)),
  ]
  const sent = [
    ...protocolMessages.map(message => protocolMessage(message, book, examples)),
    ...registry.events.filter(isPublished).map(event => eventOf(event, book, examples)),
  ]
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Tutti live',
      version: '1.0.0',
      description:
        'Connect with `io(url, {auth: {token}, query: {nid}})`. Call with `emitWithAck(name, {input, key?})`: it answers ' +
        '`{data}` or `{error}`, a problem object. Follow a channel with `channel.follow`; its events arrive as the Socket.IO ' +
        'event `events`, a frame of events whose offsets have no gaps. Each event is described here under its name. After a ' +
        'disconnect, follow again with the last position you have received to get the missed events. `docs/follow-a-channel.md` has ' +
        'the algorithm and what to do about every code; `openapi.json` has the same stream over REST. A frame of more than ' +
        '32 kB closes the connection.',
    },
    defaultContentType: 'application/json',
    // AsyncAPI's one channel is the socket; these are the channels that clients follow over it.
    'x-channels': describeChannels(registry, book, examples),
    // Sent as `connection.closed` right before the server closes a connection.
    'x-closeReasons': closeReasonList.map(({ refusalKind: { code, status, title }, description }) => ({
      ...{ code, status, title, description, reconnect: reconnectByStatus[status] },
    })),
    channels: {
      socket: {
        address: '/socket.io/',
        messages: Object.fromEntries<Json>([
          ...calls.flatMap(callMessages),
          ...sent.map(({ id, message }): Entry => [id, message]),
        ]),
      },
    },
    operations: Object.fromEntries<Json>([
      ...calls.map((call): Entry => [call.id, requestReply(call)]),
      ...sent.map(({ id, summary, description }): Entry => [
        id,
        { action: 'send', channel: socket, summary, ...description, messages: [refer(id)], tags: tagsOf(id) },
      ]),
    ]),
    components: { schemas: { ...book.components(), Page: pageSchema } },
  }
}

interface Call {
  id: string
  summary: string
  description: { description?: string }
  input: Json
  answer: Json
  example: CallExample | undefined
  /** Whether it takes an idempotency key. */
  keyed?: boolean
}

type Entry = [string, Json]

const socket = { $ref: '#/channels/socket' }
const refer = (id: string) => ({ $ref: `#/channels/socket/messages/${id}` })

function callOf(op: AnyOperation, book: SchemaComponents, examples: Examples): Call {
  return {
    id: op.name,
    summary: op.summary,
    description: describe(
      op.description,
      `At most ${op.limit.perMinute} calls a minute.`,
      op.auth === 'moderator' ? 'Moderators only.' : undefined,
    ),
    input: book.schemaOf(op.input),
    answer: answerSchema(op, book),
    example: examples.operations[op.name] as CallExample | undefined,
    keyed: op.idempotency === 'keyed',
  }
}

/** Calls and messages of the protocol come first and have a tag of their own. */
const protocolNames = new Set([...protocolCalls, ...protocolMessages].map(({ name }) => name))
const tagsOf = (id: string) => [{ name: protocolNames.has(id) ? 'protocol' : id.split('.')[0] }]

const protocolCall = (
  { name, summary, description, input, data }: ProtocolCall,
  book: SchemaComponents,
  examples: Examples,
): Call => ({
  id: name,
  summary,
  description: describe(description),
  input: book.schemaOf(input),
  answer: { type: 'object', required: ['data'], properties: { data: book.schemaOf(data) } },
  example: examples.calls[name] as CallExample | undefined,
})

const protocolMessage = (
  { name, summary, description, payload }: ProtocolMessage,
  book: SchemaComponents,
  examples: Examples,
) => ({
  id: name,
  summary,
  description: describe(description),
  message: { name, title: summary, payload: book.schemaOf(payload), ...payloadExample(examples.messages[name]) },
})

function callMessages({ id, input, answer, example, keyed = false }: Call): Entry[] {
  const key = keyed ? { key: { type: 'string', minLength: 1, maxLength: 255 } } : {}
  const refused = {
    type: 'object',
    required: ['error'],
    properties: { error: { $ref: '#/components/schemas/Problem' } },
  }
  const sent = example && { input: example.input }
  return [
    [id, { name: id, payload: { type: 'object', properties: { input, ...key } }, ...payloadExample(sent) }],
    [
      `${id}.ack`,
      { name: `${id}.ack`, payload: { oneOf: [answer, refused] }, ...payloadExample(answerExample(example)) },
    ],
  ]
}

const requestReply = ({ id, summary, description }: Call): Json => ({
  action: 'receive',
  channel: socket,
  summary,
  ...description,
  messages: [refer(id)],
  tags: tagsOf(id),
  reply: { channel: socket, messages: [refer(`${id}.ack`)] },
})

function eventOf({ name, summary, description, payload }: AnyEventType, book: SchemaComponents, examples: Examples) {
  const schema = {
    type: 'object',
    required: ['offset', 'id', 'name', 'at', 'data'],
    properties: {
      offset: { type: 'integer', minimum: 1, description: 'Consecutive within the channel.' },
      id: { type: 'string', format: 'uuid', description: 'The same on every channel of the event.' },
      name: { const: name },
      at: { type: 'string', format: 'date-time' },
      data: book.schemaOf(payload),
    },
  }
  const message = { name, title: summary, payload: schema, ...payloadExample(examples.events[name]) }
  return { id: name, summary, description: describe(description), message }
}

/** The member `examples` of a message; none without an example. */
const payloadExample = (payload: unknown) => (payload === undefined ? {} : { examples: [{ payload }] })

/** The sentences as a `description`; empty without any. */
function describe(...sentences: (string | undefined)[]): { description?: string } {
  const text = sentences.filter(sentence => sentence !== undefined).join(' ')
  return text === '' ? {} : { description: text }
}
