import { comeBack, listOfClosings } from '../closings'
import { type AnyEventType } from '../event'
import { type AnyOperation } from '../operation'
import { type Product } from '../product'
import { type ProtocolCall, protocolCalls, type ProtocolMessage, protocolMessages } from '../protocol'
import { followedChannels } from './followed-channels'
import { answerOf, type Json, pageSchema, problemSchema, type SchemaBook, schemaBook } from './schemas'

/** AsyncAPI 3 of the Socket.IO door: calls with their acknowledgements, and the events that followers hear. */
export function asyncApi(product: Product): Json {
  const book = schemaBook(product)
  const calls = [
    ...protocolCalls.map(call => protocolCall(call, book)),
    ...product.operations.map(op => callOf(op, book)),
  ]
  const said = [
    ...protocolMessages.map(message => protocolMessage(message, book)),
    ...product.events.map(event => eventOf(event, book)),
  ]
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Tutti live',
      version: '1.0.0',
      description:
        'Connect with `io(url, {auth: {token}, query: {nid}})`. Call with `emitWithAck(name, {input, key?})`: it answers ' +
        '`{data}` or `{error}`, a problem object. Follow a channel with `channel.follow`; what happens there arrives as the ' +
        'Socket.IO event `events`, a frame of events whose offsets have no gap, each of which is described here under its ' +
        'name. Whoever was away follows again with the last place it has seen and is told what it missed. The algorithm, ' +
        'and what to do about every code, is in `docs/realtime.md`; the same stream over REST in `openapi.json`. A frame of ' +
        'more than 32 kB closes the connection.',
    },
    defaultContentType: 'application/json',
    // What AsyncAPI calls a channel is our one socket; these are the channels that are followed over it.
    'x-channels': followedChannels(product, book),
    // Said with `session.closed` right before the server ends a connection for good.
    'x-closings': listOfClosings.map(({ kind: { code, status, title }, when }) => ({
      ...{ code, status, title, when, comeBack: comeBack[status] },
    })),
    channels: {
      socket: {
        address: '/socket.io/',
        messages: Object.fromEntries<Json>([
          ...calls.flatMap(callMessages),
          ...said.map(({ id, message }): Entry => [id, message]),
        ]),
      },
    },
    operations: Object.fromEntries<Json>([
      ...calls.map((call): Entry => [call.id, requestReply(call)]),
      ...said.map(({ id, summary }): Entry => [
        id,
        { action: 'send', channel: socket, summary, messages: [refer(id)], tags: tagsOf(id) },
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
  return {
    id: op.name,
    summary: op.summary,
    description: `At most ${op.limit.perMinute} calls a minute.${op.who === 'moderators' ? ' For moderators.' : ''}`,
    input: book.of(op.input),
    answer: answerOf(op, book),
    keyed: op.idempotency === 'keyed',
  }
}

/** The protocol's own names come first in every list, and under a heading of their own. */
const ownNames = new Set([...protocolCalls, ...protocolMessages].map(({ name }) => name))
const tagsOf = (id: string) => [{ name: ownNames.has(id) ? 'protocol' : id.split('.')[0] }]

const protocolCall = ({ name, summary, input, data }: ProtocolCall, book: SchemaBook): Call => ({
  id: name,
  summary,
  input: book.of(input),
  answer: { type: 'object', required: ['data'], properties: { data: book.of(data) } },
})

const protocolMessage = ({ name, summary, payload }: ProtocolMessage, book: SchemaBook) => ({
  id: name,
  summary,
  message: { name, title: summary, payload: book.of(payload) },
})

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
  tags: tagsOf(id),
  reply: { channel: socket, messages: [refer(`${id}.ack`)] },
})

function eventOf({ name, summary, payload }: AnyEventType, book: SchemaBook) {
  const one = {
    type: 'object',
    required: ['offset', 'id', 'name', 'at', 'data'],
    properties: {
      offset: { type: 'integer', minimum: 1, description: 'Its place in the channel: the one before has one less.' },
      id: { type: 'string', format: 'uuid', description: 'The same event on two channels has one id.' },
      name: { const: name },
      at: { type: 'string', format: 'date-time' },
      data: book.of(payload),
    },
  }
  return { id: name, summary, message: { name, title: summary, payload: one } }
}
