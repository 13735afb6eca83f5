import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Parser } from '@asyncapi/parser'
import { closeReasonList } from '../kernel/events/close-reasons'
import { generateAsyncApi } from '../kernel/docs/asyncapi'
import { findExampleErrors } from '../kernel/docs/find-example-errors'
import { generateOpenApi } from '../kernel/docs/openapi'
import {
  catchUpEventsMax,
  protocolCalls,
  protocolMessages,
  sseEvents,
  channelStreamRequestsPerMinute,
  channelStreamsPerProfileMax,
  tooManyChannelStreams,
  longPollSecondsMax,
  channelsPerSocketMax,
} from '../kernel/events/protocol'
import { refusals } from '../kernel/pipeline/refusals'
import { logRetentionDays } from '../kernel/pipeline/maintenance'
import { tooManyChannels } from '../realtime/calls/follow-calls'
import { ackMissing } from '../realtime/calls/call-dispatcher'
import { frameBytesMax, handshakeTimeoutMs } from '../realtime/gateway'
import { connectionsPerPersonMax, tooManyConnections } from '../realtime/connection/connection-quota'
import { variableNames } from '../kernel/platform/config'
import { createMetrics } from '../kernel/platform/metrics'
import { examples } from '../server/docs-pages/examples'
import { registry } from '../skills'

const read = (...path: string[]) => readFileSync(join(__dirname, '..', ...path), 'utf8')

interface EventsPath {
  parameters: { in: string; name: string }[]
  responses: Record<string, { description: string; content?: object }>
}

interface RestOperation {
  operationId: string
  responses: Record<string, { content?: Record<string, { example?: unknown }> }>
}

interface LiveDocument {
  components?: object | undefined
  channels: {
    socket: { messages: Record<string, { payload?: { properties?: Record<string, unknown> }; examples?: object[] }> }
  }
  operations: Record<string, object>
  'x-closeReasons': { code: string; reconnect: unknown }[]
  'x-channels': { name: string; snapshot: string }[]
}

/** The parser does not export its own enum. */
const errorSeverity = '0'

const asyncApiErrors = async (document: object) =>
  (await new Parser().validate(JSON.stringify(document))).filter(({ severity }) => String(severity) === errorSeverity)

/**
 * The document in two, which together contain all of it: what is defined, and the operations with empty messages.
 * The parser copies the whole channel into each operation that refers to it: at once, it would judge every message two
 * hundred times, for twenty seconds.
 */
function partsOf(document: LiveDocument): [LiveDocument, LiveDocument] {
  const { socket } = document.channels
  const messages = Object.fromEntries(Object.keys(socket.messages).map(name => [name, {}]))
  const channels = { socket: { ...socket, messages } }
  return [
    { ...document, operations: {} },
    { ...document, components: undefined, 'x-channels': [], channels },
  ]
}

describe('the generated documents', () => {
  it('match the registered operations: else run `npm run docs`', () => {
    expect(JSON.parse(read('docs', 'openapi.json'))).toEqual(
      JSON.parse(JSON.stringify(generateOpenApi(registry, examples))),
    )
    expect(JSON.parse(read('docs', 'asyncapi.json'))).toEqual(
      JSON.parse(JSON.stringify(generateAsyncApi(registry, examples))),
    )
  })

  it('have a valid example of everything: else record one with `npm run docs -- --record <tests>`', () => {
    expect(findExampleErrors(registry, examples)).toEqual([])
  })

  it('show an example of every operation, call and message, with nothing of the machine it was recorded on', () => {
    const asyncApi = generateAsyncApi(registry, examples) as unknown as LiveDocument
    const messages = Object.entries(asyncApi.channels.socket.messages)
    expect(messages.filter(([, { examples: shown = [] }]) => shown.length !== 1).map(([name]) => name)).toEqual([])
    const openApi = generateOpenApi(registry, examples) as { paths: Record<string, Record<string, RestOperation>> }
    const operations = Object.values(openApi.paths).flatMap(methods => Object.values(methods))
    const withoutExample = operations.filter(({ responses }) => {
      const [, success] = Object.entries(responses).find(([status]) => status.startsWith('2')) ?? []
      return success?.content?.['application/json']?.example === undefined
    })
    expect(withoutExample.map(({ operationId }) => operationId)).toEqual([])
    expect(JSON.stringify(examples)).not.toMatch(/127\.0\.0\.1|localhost|eyJ/)
  })

  it('contain an AsyncAPI 3 document that its own parser accepts', async () => {
    const [definitions, operations] = partsOf(generateAsyncApi(registry, examples) as unknown as LiveDocument)
    expect(await asyncApiErrors(definitions)).toEqual([])
    expect(await asyncApiErrors(operations)).toEqual([])
    // Both are judged in depth.
    const { socket } = definitions.channels
    const messages = { ...socket.messages, 'channel.resume': { payload: { type: 'unknown' } } }
    expect(await asyncApiErrors({ ...definitions, channels: { socket: { ...socket, messages } } })).not.toEqual([])
    const wrong = { ...Object.values(operations.operations)[0], action: 'unknown' }
    expect(await asyncApiErrors({ ...operations, operations: { wrong } })).not.toEqual([])
  })

  it('contain an OpenAPI 3.1 document that a validator accepts, and rejects without its paths', async () => {
    const document = generateOpenApi(registry, examples)
    expect(document.openapi).toMatch(/^3\.1\./)
    expect(await validateOpenApi(document)).toEqual({ valid: true })
    expect(await validateOpenApi({ ...document, paths: [] })).toMatchObject({ valid: false })
  })

  it('contain no dangling references and no repeated operation ids', () => {
    const document = generateOpenApi(registry, examples)
    const text = JSON.stringify(document)
    const schemas = (document.components as { schemas: Record<string, unknown> }).schemas
    const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name ?? '')
    expect(references.length).toBeGreaterThan(50)
    expect(references.filter(name => !(name in schemas))).toEqual([])
    const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, name]) => name)
    // And the events of a channel, which are not an operation.
    expect(new Set(ids).size).toBe(registry.operations.length + 1)
  })

  it('describe the events of a channel over REST, in both forms and with all parameters', () => {
    const paths = generateOpenApi(registry, examples).paths as Record<string, Record<string, EventsPath>>
    const { get } = paths['/channels/{channel}/events'] ?? {}
    expect(get?.parameters.map(({ in: location, name }) => `${location} ${name}`)).toEqual([
      'path channel',
      'query after',
      'query wait',
      'header Last-Event-ID',
    ])
    const { content = {}, description = '' } = get?.responses['200'] ?? {}
    expect(Object.keys(content)).toEqual(['application/json', 'text/event-stream'])
    for (const { name } of sseEvents) expect(description).toContain(`\`${name}\``)
    const codes = Object.values(get?.responses ?? {}).map(response => response.description)
    for (const code of ['session_revoked', 'forbidden', 'not_found', 'too_many_channel_streams', 'node_draining'])
      expect(codes.some(names => names.includes(`\`${code}\``))).toBe(true)
  })

  it('describe every call, message and close reason of the protocol', () => {
    const document = generateAsyncApi(registry, examples) as unknown as LiveDocument
    const { messages } = document.channels.socket
    for (const { name } of protocolCalls) {
      expect(document.operations[name]).toMatchObject({ action: 'receive' })
      expect(messages[`${name}.ack`]).toBeDefined()
    }
    for (const { name } of protocolMessages) expect(document.operations[name]).toMatchObject({ action: 'send' })
    const follow = messages['channel.follow']?.payload?.properties?.input as { properties?: object } | undefined
    expect(Object.keys(follow?.properties ?? {})).toEqual(['channel', 'after'])
    expect(JSON.stringify(messages['channel.follow.ack'])).toContain('#/components/schemas/CatchUp')
    expect(document['x-closeReasons'].map(({ code }) => code)).toEqual(
      closeReasonList.map(({ refusalKind }) => refusalKind.code),
    )
    for (const { code, reconnect } of document['x-closeReasons'])
      expect([code, reconnect]).toEqual([code, expect.any(String)])
  })

  it('name a snapshot with a position for every kind of channel', () => {
    const {
      'x-channels': channels,
      channels: { socket },
    } = generateAsyncApi(registry, examples) as unknown as LiveDocument
    expect(channels.map(({ name }) => name)).toEqual(registry.channels.map(({ kind }) => `${kind}:<id>`))
    for (const { snapshot } of channels)
      expect(JSON.stringify(socket.messages[`${snapshot}.ack`])).toContain('SnapshotPosition')
  })

  it('include a protocol guide with all names, codes and limits', () => {
    const guide = read('docs', 'follow-a-channel.md')
    const names = [...protocolCalls, ...protocolMessages, ...sseEvents].map(({ name }) => name)
    const {
      malformedJson,
      methodNotAllowed,
      conflict,
      staleRevision,
      bodyTooLarge,
      unsupportedMediaType,
      idempotencyKeyReused,
    } = refusals
    const ofOperations = [
      malformedJson,
      methodNotAllowed,
      conflict,
      staleRevision,
      bodyTooLarge,
      unsupportedMediaType,
      idempotencyKeyReused,
    ]
    const general = Object.values(refusals).filter(kind => !ofOperations.includes(kind))
    const transportCodes = [ackMissing, tooManyChannels, tooManyConnections, tooManyChannelStreams]
    const codes = [...closeReasonList.map(({ refusalKind }) => refusalKind), ...general, ...transportCodes]
    const snapshots = registry.operations
      .filter(({ snapshotChannel }) => snapshotChannel !== undefined)
      .map(({ name }) => name)
    const terms = [...names, ...codes.map(({ code }) => code), ...snapshots]
    expect(terms.filter(term => !guide.includes(term))).toEqual([])
    const limits = [
      `${catchUpEventsMax} events`,
      `at\nmost ${longPollSecondsMax}`,
      `${channelStreamsPerProfileMax} long-polls`,
      `${channelStreamRequestsPerMinute} a minute`,
      `${channelsPerSocketMax} over a socket`,
      `${connectionsPerPersonMax} sockets`,
      `${logRetentionDays} days`,
      `within ${handshakeTimeoutMs / 1_000} s`,
      `${frameBytesMax / 1_024} kB`,
    ]
    expect(limits.filter(limit => !guide.replaceAll(/\s+/g, ' ').includes(limit.replace('\n', ' ')))).toEqual([])
  })

  it('include a deployment guide with existing metrics', async () => {
    const found = read('docs', 'deployment.md').match(/\btutti_[a-z0-9_]+/g) ?? []
    const known = (await createMetrics().registry.getMetricsAsJSON()).map(({ name }) => name)
    // The second database login.
    expect(found.filter(name => !known.includes(name) && name !== 'tutti_next')).toEqual([])
  })

  it('list every variable of the configuration', () => {
    const table = read('docs', 'configuration.md')
    expect(variableNames.filter(name => !table.includes(`\`${name}\``))).toEqual([])
  })
})

/** Runs in its own Node process: the package is an ES module, which jest cannot require. */
function validateOpenApi(document: object): Promise<unknown> {
  const program = `
    import { Validator } from '@seriousme/openapi-schema-validator'
    import { text } from 'node:stream/consumers'
    const document = JSON.parse(await text(process.stdin))
    process.stdout.write(JSON.stringify(await new Validator().validate(document)))`
  return new Promise((resolve, reject) => {
    const args = ['--input-type=module', '--eval', program]
    const options = { cwd: join(__dirname, '..'), maxBuffer: 10_000_000 }
    const child = execFile(process.execPath, args, options, (error, answer) => {
      if (error === null) resolve(JSON.parse(answer))
      else reject(new Error('the validator did not run', { cause: error }))
    })
    child.stdin?.end(JSON.stringify(document))
  })
}
