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

  it('are put together from pieces, wherever those were cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.nat(60), { maxLength: 40 }), (messages, cuts) => {
        const text = messages
          .map(({ event, lines, ending, id }) =>
            [
              ...[`event: ${event}`, ...(id ? ['id: a:1'] : [])],
              ...[...lines.map(line => `data: ${line}`), '', ''],
            ].join(ending),
          )
          .join('')
        const stream = new SseParser()
        const heard: SseMessage[] = []
        let at = 0
        for (const cut of [...cuts, text.length]) {
          heard.push(...stream.push(text.slice(at, at + cut)))
          at += cut
        }
        expect(heard).toEqual(messages.map(({ event, lines }) => ({ event, data: lines.join('\n') })))
      }),
    )
  })

  it('without data are comments, which say nothing', () => {
    const stream = new SseParser()
    expect(stream.push(': ping\n\nretry: 1000\n\ndata:x\n\n').filter(({ data }) => data !== '')).toEqual([
      { event: 'message', data: 'x' },
    ])
  })
})

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** Asks for a stream where something else answers. */
async function ask(answer: Answer) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const source = Object.assign(async () => 'token', { canChange: false })
  const told: unknown[] = []
  const feed = sseFeed(new Http(url, source), 'track:1', (name, body) => void told.push(name, body), {
    onOpened: () => told.push('opened'),
    onFailed: isSure => told.push(isSure ? 'surely blocked' : 'failed'),
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
    told,
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
const following = { channel: 'track:1', epoch: 'e', top: 3, events: [], recovered: false, more: false, state: {} }
const event = (name: string, data: unknown) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`

describe('a stream', () => {
  it('stands with its first message, tells what follows, and says when it is lost', async () => {
    await using asked = await ask((_request, response) => {
      response.writeHead(200, asStream)
      response.end(event('following', following) + event('events', { epoch: 'e', events: [] }))
    })
    expect(asked.outcome).toEqual({ epoch: 'e', streams: true })
    await new Promise(resolve => setImmediate(resolve))
    expect(asked.told).toEqual(['opened', 'events', { epoch: 'e', events: [] }, 'lost', undefined])
  })

  it('that is closed by us is not lost', async () => {
    await using asked = await ask((_request, response) => {
      response.writeHead(200, asStream).write(event('following', following))
    })
    await asked.feed.close()
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(asked.told).toEqual(['opened'])
  })

  it('which is answered as something else does surely not get through', async () => {
    await using asked = await ask((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>')
    })
    expect({ outcome: asked.outcome, told: asked.told }).toEqual({
      outcome: { code: 'unreachable', status: 0 },
      told: ['surely blocked'],
    })
  })

  it('which is held back does surely not get through', async () => {
    await using asked = await ask((_request, response) => {
      response.writeHead(200, asStream).flushHeaders()
    })
    expect(asked.told).toEqual(['surely blocked'])
  }, 15_000)

  it('which is refused by the server has got through', async () => {
    await using asked = await ask((_request, response) => {
      const problem = { type: 'about:blank', title: 'No', status: 404, code: 'not_found', requestId: '1' }
      response.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem))
    })
    expect({ outcome: asked.outcome, told: asked.told }).toEqual({
      outcome: { code: 'not_found', status: 404 },
      told: [],
    })
  })

  it('of nonsense, or that breaks, may come through another time', async () => {
    await using nonsense = await ask((_request, response) => {
      response.writeHead(200, asStream).end('event: following\ndata: {\n\n')
    })
    await using broken = await ask(request => request.socket.destroy())
    await using ended = await ask((_request, response) => {
      response.writeHead(200, asStream).end()
    })
    for (const { outcome, told } of [nonsense, broken, ended])
      expect({ outcome, told }).toEqual({ outcome: { code: 'unreachable', status: 0 }, told: ['failed'] })
  })
})
