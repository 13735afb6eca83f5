import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Parser } from '@asyncapi/parser'
import { listOfClosings } from '../kernel/closings'
import { asyncApi } from '../kernel/docs/asyncapi'
import { openApi } from '../kernel/docs/openapi'
import {
  catchUpEventsMax,
  protocolCalls,
  protocolMessages,
  sseEvents,
  streamOpensPerMinute,
  streamsPerPersonMax,
  tooManyStreams,
  waitSecondsMax,
  channelsPerSocketMax,
} from '../kernel/protocol'
import { refusals } from '../kernel/refusals'
import { logKeptDays } from '../kernel/upkeep'
import { tooManyChannels } from '../realtime/channels'
import { ackMissing } from '../realtime/dispatch'
import { frameBytesMax, handshakeMaxMs } from '../realtime/gateway'
import { socketsPerPersonMax, tooManySockets } from '../realtime/presence/seats'
import { variableNames } from '../kernel/world/config'
import { createMetrics } from '../kernel/world/metrics'
import { product } from '../skills'

const read = (...path: string[]) => readFileSync(join(__dirname, '..', ...path), 'utf8')

interface EventsPath {
  parameters: { in: string; name: string }[]
  responses: Record<string, { description: string; content?: object }>
}

interface LiveDocument {
  channels: { socket: { messages: Record<string, { payload: { properties?: Record<string, unknown> } }> } }
  operations: Record<string, object>
  'x-closings': { code: string; comeBack: unknown }[]
  'x-channels': { name: string; snapshot: string }[]
}

/** Of the parser: its own enum is not exported. */
const errorSeverity = '0'

describe('the documents', () => {
  it('are committed as the list of operations makes them: else run `npm run docs`', () => {
    expect(JSON.parse(read('docs', 'openapi.json'))).toEqual(JSON.parse(JSON.stringify(openApi(product))))
    expect(JSON.parse(read('docs', 'asyncapi.json'))).toEqual(JSON.parse(JSON.stringify(asyncApi(product))))
  })

  it('hold an AsyncAPI 3 that its own parser accepts', async () => {
    const diagnostics = await new Parser().validate(JSON.stringify(asyncApi(product)))
    expect(diagnostics.filter(({ severity }) => String(severity) === errorSeverity)).toEqual([])
  })

  it('hold an OpenAPI that a validator accepts as 3.1, and one without its paths it does not', async () => {
    const document = openApi(product)
    expect(document.openapi).toMatch(/^3\.1\./)
    expect(await validateOpenApi(document)).toEqual({ valid: true })
    expect(await validateOpenApi({ ...document, paths: [] })).toMatchObject({ valid: false })
  })

  it('hold an OpenAPI 3.1 whose references all lead somewhere and whose operations are unique', () => {
    const document = openApi(product)
    const text = JSON.stringify(document)
    const schemas = (document.components as { schemas: Record<string, unknown> }).schemas
    const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name ?? '')
    expect(references.length).toBeGreaterThan(50)
    expect(references.filter(name => !(name in schemas))).toEqual([])
    const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, name]) => name)
    // And the events of a channel, which are no operation.
    expect(new Set(ids).size).toBe(product.operations.length + 1)
  })

  it('describe the events of a channel over REST, in both forms and with all that may be asked', () => {
    const paths = openApi(product).paths as Record<string, Record<string, EventsPath>>
    const { get } = paths['/channels/{channel}/events'] ?? {}
    expect(get?.parameters.map(({ in: place, name }) => `${place} ${name}`)).toEqual([
      'path channel',
      'query after',
      'query wait',
      'header Last-Event-ID',
    ])
    const { content = {}, description = '' } = get?.responses['200'] ?? {}
    expect(Object.keys(content)).toEqual(['application/json', 'text/event-stream'])
    for (const { name } of sseEvents) expect(description).toContain(`\`${name}\``)
    const codes = Object.values(get?.responses ?? {}).map(response => response.description)
    for (const code of ['session_revoked', 'forbidden', 'not_found', 'too_many_streams', 'moving'])
      expect(codes.some(names => names.includes(`\`${code}\``))).toBe(true)
  })

  it('describe every call and message of the protocol, and how a connection ends', () => {
    const document = asyncApi(product) as unknown as LiveDocument
    const { messages } = document.channels.socket
    for (const { name } of protocolCalls) {
      expect(document.operations[name]).toMatchObject({ action: 'receive' })
      expect(messages[`${name}.ack`]).toBeDefined()
    }
    for (const { name } of protocolMessages) expect(document.operations[name]).toMatchObject({ action: 'send' })
    const follow = messages['channel.follow']?.payload.properties?.input as { properties?: object } | undefined
    expect(Object.keys(follow?.properties ?? {})).toEqual(['channel', 'after'])
    expect(JSON.stringify(messages['channel.follow.ack'])).toContain('#/components/schemas/CatchUp')
    expect(document['x-closings'].map(({ code }) => code)).toEqual(listOfClosings.map(({ kind }) => kind.code))
    for (const { code, comeBack } of document['x-closings'])
      expect([code, comeBack]).toEqual([code, expect.any(String)])
  })

  it('name a snapshot for every kind of channel, whose answer has a position', () => {
    const {
      'x-channels': channels,
      channels: { socket },
    } = asyncApi(product) as unknown as LiveDocument
    expect(channels.map(({ name }) => name)).toEqual(product.channels.map(({ kind }) => `${kind}:<id>`))
    for (const { snapshot } of channels)
      expect(JSON.stringify(socket.messages[`${snapshot}.ack`])).toContain('SnapshotPosition')
  })

  it('hold a guide to the protocol that leaves none of its names, codes and limits out', () => {
    const guide = read('docs', 'realtime.md')
    const names = [...protocolCalls, ...protocolMessages, ...sseEvents].map(({ name }) => name)
    const { malformedJson, methodNotAllowed, conflict, staleRevision, tooLarge, notJson, keyReused } = refusals
    const ofOperations = [malformedJson, methodNotAllowed, conflict, staleRevision, tooLarge, notJson, keyReused]
    const general = Object.values(refusals).filter(kind => !ofOperations.includes(kind))
    const own = [ackMissing, tooManyChannels, tooManySockets, tooManyStreams]
    const codes = [...listOfClosings.map(({ kind }) => kind), ...general, ...own]
    const snapshots = product.operations.filter(({ snapshotOf }) => snapshotOf !== undefined).map(({ name }) => name)
    const said = [...names, ...codes.map(({ code }) => code), ...snapshots]
    expect(said.filter(word => !guide.includes(word))).toEqual([])
    const limits = [
      `${catchUpEventsMax} events`,
      `at\nmost ${waitSecondsMax}`,
      `${streamsPerPersonMax} long-polls`,
      `${streamOpensPerMinute} a minute`,
      `${channelsPerSocketMax} over a socket`,
      `${socketsPerPersonMax} sockets`,
      `${logKeptDays} days`,
      `within ${handshakeMaxMs / 1_000} s`,
      `${frameBytesMax / 1_024} kB`,
    ]
    expect(limits.filter(limit => !guide.replaceAll(/\s+/g, ' ').includes(limit.replace('\n', ' ')))).toEqual([])
  })

  it('hold a deployment guide that watches what there is', async () => {
    const found = read('docs', 'deployment.md').match(/\btutti_[a-z0-9_]+/g) ?? []
    const known = (await createMetrics().registry.getMetricsAsJSON()).map(({ name }) => name)
    // The second login of the database.
    expect(found.filter(name => !known.includes(name) && name !== 'tutti_next')).toEqual([])
  })

  it('list every variable of the configuration in the README', () => {
    const readme = read('README.md')
    expect(variableNames.filter(name => !readme.includes(`\`${name}\``))).toEqual([])
  })
})

/** In a Node of its own: the package is an ES module, which jest cannot require. */
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
