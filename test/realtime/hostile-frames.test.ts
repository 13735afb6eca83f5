import fc from 'fast-check'
import { type Socket } from 'socket.io-client'
import { type Problem } from '../../kernel/pipeline/refusals'
import { getMe } from '../../skills/user-profile/get-me'
import { type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { RawSocket } from './raw-socket'

let testApp: TestApp
let ann: Person
let socket: Socket
let port: number
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
  ann = await testApp.signIn('ann')
  socket = await ann.socket()
  port = testApp.nodes[0]?.port ?? 0
})
afterAll(() => testApp[Symbol.asyncDispose]())
// After any input: the process lives, and a neighbour connection is unaffected.
afterEach(async () => {
  // All tests share one connection, which has a rate limit.
  testApp.clock.advance(5_000)
  expect(socket.connected).toBe(true)
  expect(await ann.call(getMe, {}, { transport: 'socket' })).toMatchObject({ id: ann.id })
})

const name = getMe.name
const call = async (event: string, ...args: unknown[]) =>
  (await socket.timeout(5_000).emitWithAck(event, ...args)) as { error?: Problem; data?: unknown }
const refusedOnce = () => new Promise<Problem>(resolve => socket.once('call.refused', resolve))

describe('a call (S08)', () => {
  it.each([[], [{ input: {} }], [null], [7], ['x', 'y']])(
    'without an ack is refused by an event: %j',
    async (...args) => {
      const refused = refusedOnce()
      socket.emit(name, ...args)
      expect(await refused).toMatchObject({
        status: 400,
        code: 'ack_missing',
        requestId: expect.any(String) as unknown,
      })
    },
  )

  it.each([
    [null],
    [[]],
    [0],
    [''],
    ['text'],
    [true],
    [[[[[]]]]],
    [{}, {}],
    [{ input: {}, extra: 1 }],
    [Buffer.from('x')],
  ])('with %p is refused in its ack', async (...args) => {
    const { error } = await call(name, ...args)
    expect(error).toMatchObject({ status: 400, code: 'invalid_input', type: 'urn:tutti:problem:invalid_input' })
  })

  it.each([[null], [[]], [0], ['text'], [{ x: { y: [1] } }], [Buffer.from('x')], [{ x: Buffer.from('x') }]])(
    'with the input %p is refused in its ack',
    async input => {
      expect((await call(name, { input })).error).toMatchObject({ code: 'invalid_input' })
    },
  )

  it('with a deeply nested input is refused in its ack', async () => {
    const input: unknown = JSON.parse(`${'['.repeat(4_000)}${']'.repeat(4_000)}`)
    expect((await call(name, { input: { x: input } })).error).toMatchObject({ code: 'invalid_input' })
  })

  it.each([[''], ['k'.repeat(256)], [7], [null], [{}]])('with the key %p is refused in its ack', async key => {
    expect((await call(name, { input: {}, key })).error).toMatchObject({ code: 'invalid_input' })
  })

  it('without any argument has an empty input', async () => {
    expect(await call(name)).toMatchObject({ data: { id: ann.id } })
    expect(await call(name, {})).toMatchObject({ data: { id: ann.id } })
  })

  it('is refused with the same problem as over REST', async () => {
    const overRest = await ann.expectProblem(getMe, {}, { headers: { 'idempotency-key': '' } })
    const { error } = await call(name, { input: {}, key: '' })
    expect(Object.keys(error ?? {})).toEqual(expect.arrayContaining(['type', 'title', 'status', 'code', 'requestId']))
    expect(error?.code).toBe(overRest.code)
  })
})

describe('an event name (S07)', () => {
  it.each(['nowhere', 'error', '__proto__', 'constructor', 'toString', 'user-profile.getme', 'channel.', ''])(
    '%j is not a call, and is refused',
    async event => {
      expect((await call(event, { input: {} })).error).toMatchObject({ status: 404, code: 'unknown_operation' })
    },
  )

  it('that is a number is not a call', async () => {
    await using raw = await RawSocket.connect(port, ann.token)
    raw.send('4217[5,{"input":{}}]')
    expect(await raw.waitFor(text => text.startsWith('4317'))).toContain('unknown_operation')
  })

  it.each(['connect', 'disconnect', 'disconnecting', 'connect_error', 'newListener', 'removeListener'])(
    'that is reserved (%s) closes the transport',
    async event => {
      await using raw = await RawSocket.connect(port, ann.token)
      raw.send(`421["${event}",{}]`)
      expect(await raw.waitFor(text => text.startsWith('42["connection.closed"'))).toContain('"malformed_packet"')
      await raw.untilClosed()
    },
  )
})

describe('a packet (S06)', () => {
  it.each([
    '42["user-profile.getMe",{}]',
    '42',
    '4',
    '9',
    '4x',
    '40{',
    '40[]',
    '40"text"',
    '42{"a":1}',
    '43',
    '451-["x",{"_placeholder":true}]',
  ])('before the CONNECT is harmless: %s', async packet => {
    await using raw = await RawSocket.open(port)
    raw.send(packet)
    raw.send('41')
  })

  it.each(['42[', '42[]', '42[null]', '42{}', '42[{}]', '42[[]]', '49', '4211["x"', '4599-["x"]'])(
    'that is malformed after the CONNECT closes the transport with a reason: %s',
    async packet => {
      await using raw = await RawSocket.connect(port, ann.token)
      raw.send(packet)
      expect(await raw.waitFor(text => text.startsWith('42["connection.closed"'))).toContain('"malformed_packet"')
      await raw.untilClosed()
    },
  )

  it('that is malformed for Engine.IO closes the transport', async () => {
    await using raw = await RawSocket.connect(port, ann.token)
    raw.send('9')
    await raw.untilClosed()
  })

  it.each(['431[1]', '43999["x"]', '42', '421', '6', '3'])('without meaning is harmless: %s', async packet => {
    await using raw = await RawSocket.connect(port, ann.token)
    raw.send(packet)
    raw.send(`421["${name}",{}]`)
    expect(await raw.waitFor(text => text.startsWith('431['))).toContain(ann.id)
  })

  it('with attachments that never arrive, or were not announced, is harmless', async () => {
    await using raw = await RawSocket.connect(port, ann.token)
    raw.send(`451-1["${name}",{"input":{"_placeholder":true,"num":0}}]`)
    await using other = await RawSocket.connect(port, ann.token)
    other.send(Buffer.from('unasked'))
    await other.untilClosed()
    raw.send(Buffer.from('part'))
    expect(await raw.waitFor(text => text.startsWith('431['))).toContain('invalid_input')
  })

  it.each([
    '4511-["x"]',
    '45999999999-["x"]',
    '45-1-["x"]',
    '451.5-["x"]',
    '461-1["x"]',
    `451-1["${name}",{"_placeholder":true,"num":99}]`,
    `451-1["${name}",{"_placeholder":true,"num":-1}]`,
  ])('with invalid attachments closes the transport: %s', async packet => {
    await using raw = await RawSocket.connect(port, ann.token)
    raw.send(packet)
    raw.send(Buffer.from('part'))
    raw.send(Buffer.from('unasked'))
    await raw.untilClosed()
  })

  it('in a compressed frame, or with an unknown opcode, closes the transport', async () => {
    for (const first of [0xc1, 0x83, 0x8b]) {
      await using raw = await RawSocket.connect(port, ann.token)
      raw.write(Buffer.from([first, 0x80, 0, 0, 0, 0]))
      await raw.untilClosed()
      expect(raw.closeCode).toBe(1002)
    }
  })

  it('of any text ends in a reply or a closed transport, and never crashes the process', async () => {
    const piece = fc.oneof(
      fc.constantFrom('4', '42', '421', '[', ']', '{', '}', '"x"', ',', 'null', '-', '/', name),
      fc.string(),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async pieces => {
        await using raw = await RawSocket.connect(port, ann.token)
        raw.send(`4${pieces.join('')}`)
        raw.send(`429["${name}",{}]`)
        const answered = raw.waitFor(text => text.startsWith('439'))
        await Promise.race([answered.catch(() => undefined), raw.untilClosed()])
      }),
      { numRuns: 40 },
    )
  })
})
