import { type AnyEventType } from '../event'
import { type AnyOperation } from '../operation'
import { isPageField } from '../paging'
import { type Product } from '../product'
import { type Json, pageSchema, problemSchema, type SchemaBook, schemaBook } from './schemas'

/** AsyncAPI 3 of the Socket.IO door: calls with their acknowledgements, and the events that followers hear. */
export function asyncApi(product: Product): Json {
  const book = schemaBook(product)
  const calls = [...product.operations.map(op => callOf(op, book)), ...channelCalls]
  const events = product.events.map(event => eventOf(event, book))
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Tutti live',
      version: '1.0.0',
      description:
        'Connect with `io(url, {auth: {token}})`. Call with `emitWithAck(name, {input, key})`. Follow a channel with ' +
        '`channel.follow`; what happens there arrives as the Socket.IO event `events`: `{channel, events: [{id, name, at, ' +
        'data}]}`, in order. A call without an acknowledgement is answered with the event `refused`; a socket whose token ' +
        'has expired hears `session.closed`; both carry a problem object. Whoever loses the right to follow a channel hears ' +
        '`channel.closed`: `{channel, problem}`. A frame of more than 32 kB closes the connection.',
    },
    defaultContentType: 'application/json',
    // What AsyncAPI calls a channel is our one socket; these are the channels that are followed over it.
    'x-channels': product.channels.map(({ kind, summary }) => ({ name: `${kind}:<id>`, summary })),
    channels: {
      socket: {
        address: '/socket.io/',
        messages: Object.fromEntries<Json>([
          ...calls.flatMap(callMessages),
          ...events.map(({ id, message }): Entry => [id, message]),
        ]),
      },
    },
    operations: Object.fromEntries<Json>([
      ...calls.map((call): Entry => [call.id, requestReply(call)]),
      ...events.map(({ id, summary }): Entry => [
        id,
        { action: 'send', channel: socket, summary, messages: [refer(id)] },
      ]),
    ]),
    components: { schemas: { ...book.components(), Problem: problemSchema, Page: pageSchema } },
  }
}

interface Call {
  id: string
  summary: string
  description?: string
  input: Json
  answer: Json
  /** Whether a key makes a repeat answer as the first call did. */
  keyed?: boolean
}

type Entry = [string, Json]

const socket = { $ref: '#/channels/socket' }
const refer = (id: string) => ({ $ref: `#/channels/socket/messages/${id}` })

function callOf(op: AnyOperation, book: SchemaBook): Call {
  const page = isPageField(op.output) ? { page: { $ref: '#/components/schemas/Page' } } : {}
  const properties = { data: book.of(op.output), ...page }
  return {
    id: op.name,
    summary: op.summary,
    description: `At most ${op.limit.perMinute} calls a minute.${op.who === 'moderators' ? ' For moderators.' : ''}`,
    input: book.of(op.input),
    answer: { type: 'object', required: Object.keys(properties), properties },
    keyed: op.idempotency === 'keyed',
  }
}

const channelShape: Json = {
  type: 'object',
  required: ['channel'],
  properties: { channel: { type: 'string', description: '<kind>:<id>' } },
}

const channelCalls: Call[] = [
  { id: 'channel.follow', summary: 'Hear what happens on a channel.' },
  { id: 'channel.unfollow', summary: 'Hear no more of a channel.' },
].map(call => ({
  ...call,
  input: channelShape,
  answer: { type: 'object', required: ['data'], properties: { data: channelShape } },
}))

function callMessages({ id, input, answer, keyed = false }: Call): Entry[] {
  const key = keyed ? { key: { type: 'string', minLength: 1, maxLength: 255 } } : {}
  const refused = {
    type: 'object',
    required: ['error'],
    properties: { error: { $ref: '#/components/schemas/Problem' } },
  }
  return [
    [id, { name: id, payload: { type: 'object', properties: { input, ...key } } }],
    [`${id}.ack`, { name: `${id}.ack`, payload: { oneOf: [answer, refused] } }],
  ]
}

const requestReply = ({ id, summary, description }: Call): Json => ({
  action: 'receive',
  channel: socket,
  summary,
  ...(description === undefined ? {} : { description }),
  messages: [refer(id)],
  reply: { channel: socket, messages: [refer(`${id}.ack`)] },
})

function eventOf({ name, summary, payload }: AnyEventType, book: SchemaBook) {
  const one = {
    type: 'object',
    required: ['id', 'name', 'at', 'data'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      name: { const: name },
      at: { type: 'string', format: 'date-time' },
      data: book.of(payload),
    },
  }
  return { id: name, summary, message: { name, title: summary, payload: one } }
}
