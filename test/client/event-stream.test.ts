import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import { type TuttiProblem } from '../../client'
import { SseParser, type SseMessage } from '../../client/transports/sse-parser'
import { Http } from '../../client/calls/http'
import { sseFeed } from '../../client/transports/sse-feed'

describe('server-sent events', () => {
  const message = fc.record({
    event: fc.stringMatching(/^[a-z.]{1,9}$/),
    lines: fc.array(fc.stringMatching(/^[^\r\n]*$/), { minLength: 1, maxLength: 3 }),
    ending: fc.constantFrom('\n', '\r\n'),
    id: fc.boolean(),
  })

  it('are parsed from chunks that are split anywhere', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 5 }),
        fc.array(fc.nat(60), { maxLength: 40 }),
        (messages, positions) => {
          const text = messages
            .map(({ event, lines, ending, id }) =>
              [
                ...[`event: ${event}`, ...(id ? ['id: a:1'] : [])],
                ...[...lines.map(line => `data: ${line}`), '', ''],
              ].join(ending),
            )
            .join('')
          const stream = new SseParser()
          const received: SseMessage[] = []
          let at = 0
          for (const position of [...positions, text.length]) {
            received.push(...stream.push(text.slice(at, at + position)))
            at += position
          }
          expect(received).toEqual(messages.map(({ event, lines }) => ({ event, data: lines.join('\n') })))
        },
      ),
    )
  })

  it('without data are comments, and are ignored', () => {
    const stream = new SseParser()
    expect(stream.push(': ping\n\nretry: 1000\n\ndata:x\n\n').filter(({ data }) => data !== '')).toEqual([
      { event: 'message', data: 'x' },
    ])
  })
})

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Opens an event stream on a server that responds as given. */
async function openStream(handler: Handler) {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const source = Object.assign(async () => 'token', { canChange: false })
  const calls: unknown[] = []
  const feed = sseFeed(new Http(url, source), 'track:1', (name, body) => void calls.push(name, body), {
    onOpened: () => calls.push('opened'),
    onFailed: isSure => calls.push(isSure ? 'surely blocked' : 'failed'),
  })
  const outcome = await feed.read(undefined).then(
    ({ epoch, eventsFollow }) => ({ epoch, streams: eventsFollow }),
    (error: unknown) => {
      const { code, status } = error as TuttiProblem
      return { code, status }
    },
  )
  return {
    outcome,
    calls,
    feed,
    [Symbol.asyncDispose]: async () => {
      await feed.close()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const asStream: Record<string, string> = { 'content-type': 'text/event-stream; charset=utf-8' }
const following = {
  channel: 'track:1',
  epoch: 'e',
  latestOffset: 3,
  events: [],
  recovered: false,
  hasMore: false,
  state: {},
}
const event = (name: string, data: unknown) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`

describe('a stream', () => {
  it('opens with its first message, passes events on, and reports its loss', async () => {
    await using stream = await openStream((_request, response) => {
      response.writeHead(200, asStream)
      response.end(event('followed', following) + event('events', { epoch: 'e', events: [] }))
    })
    expect(stream.outcome).toEqual({ epoch: 'e', streams: true })
    await new Promise(resolve => setImmediate(resolve))
    expect(stream.calls).toEqual(['opened', 'events', { epoch: 'e', events: [] }, 'lost', undefined])
  })

  it('is not reported as lost if the client closes it', async () => {
    await using stream = await openStream((_request, response) => {
      response.writeHead(200, asStream).write(event('followed', following))
    })
    await stream.feed.close()
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(stream.calls).toEqual(['opened'])
  })

  it('is reported as blocked if the response is not an event stream', async () => {
    await using stream = await openStream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>')
    })
    expect({ outcome: stream.outcome, calls: stream.calls }).toEqual({
      outcome: { code: 'unreachable', status: 0 },
      calls: ['surely blocked'],
    })
  })

  it('is reported as blocked if the response is held back', async () => {
    await using stream = await openStream((_request, response) => {
      response.writeHead(200, asStream).flushHeaders()
    })
    expect(stream.calls).toEqual(['surely blocked'])
  }, 15_000)

  it('is not reported as blocked if the server refuses it', async () => {
    await using stream = await openStream((_request, response) => {
      const problem = { type: 'about:blank', title: 'No', status: 404, code: 'not_found', requestId: '1' }
      response.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem))
    })
    expect({ outcome: stream.outcome, calls: stream.calls }).toEqual({
      outcome: { code: 'not_found', status: 404 },
      calls: [],
    })
  })

  it('is reported as failed, not blocked, if it is malformed or breaks off', async () => {
    await using nonsense = await openStream((_request, response) => {
      response.writeHead(200, asStream).end('event: followed\ndata: {\n\n')
    })
    await using broken = await openStream(request => request.socket.destroy())
    await using ended = await openStream((_request, response) => {
      response.writeHead(200, asStream).end()
    })
    for (const { outcome, calls } of [nonsense, broken, ended])
      expect({ outcome, calls }).toEqual({ outcome: { code: 'unreachable', status: 0 }, calls: ['failed'] })
  })
})
