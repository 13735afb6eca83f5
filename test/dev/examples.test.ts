import { anonymizeExample } from '../../dev/docs/anonymize-example'
import { chooseExample } from '../../dev/docs/choose-example'
import { mergeRecordings } from '../../dev/docs/merge-recordings'
import { type Examples, noExamples } from '../../kernel/docs/examples'
import { findExampleErrors } from '../../kernel/docs/find-example-errors'
import { event } from '../../kernel/events/event'
import { protocolCalls, protocolMessages } from '../../kernel/events/protocol'
import { operation } from '../../kernel/pipeline/operation'
import { createRegistry } from '../../kernel/pipeline/registry'
import { count, id, list, shape } from '../../kernel/pipeline/schema'

const noteId = '01900000-0000-7000-8000-000000000001'
const readNote = operation({
  ...{
    name: 'notes.readNote',
    route: 'GET /notes/:noteId',
    summary: 'Read a note',
    auth: 'public',
    idempotency: 'read',
  },
  ...{ input: shape({ noteId: id }), output: shape({ noteId: id, lines: list(count, 9) }), limit: { perMinute: 1 } },
  load: async () => null,
  allow: () => true,
  run: async () => ({ noteId, lines: [] }),
})
const noteRead = event({
  ...{ name: 'notes.noteRead', summary: 'A note was read', payload: shape({ noteId: id }) },
  channels: () => [`user:${noteId}`],
})
const registry = createRegistry([{ readNote, noteRead }], () => Promise.reject(new Error('nobody arrives')))

const call = { input: { noteId }, data: { noteId, lines: [1] } }
const read = { offset: 1, id: noteId, name: 'notes.noteRead', at: '2026-05-01T12:00:00.000Z', data: { noteId } }
const withCall = (example: unknown): Examples => ({
  ...noExamples,
  operations: { 'notes.readNote': example },
  events: { 'notes.noteRead': read },
})

/** Of the notes only: these examples have none of the protocol. */
const errorsOf = (examples: Examples) => findExampleErrors(registry, examples).filter(error => error.includes('notes.'))

describe('an example', () => {
  it('is complete and valid', () => {
    expect(errorsOf(withCall(call))).toEqual([])
  })

  it('is missed for an operation, an event, and every call and message of the protocol', () => {
    const errors = findExampleErrors(registry, noExamples)
    expect(errors).toContain(
      'operations/notes.readNote has no example: record one with `npm run docs -- --record test/skills/notes`, or with other tests that do it',
    )
    expect(errors).toContain(
      'calls/channel.follow has no example: record one with `npm run docs -- --record test/realtime`, or with other tests that do it',
    )
    expect(errors).toHaveLength(2 + protocolCalls.length + protocolMessages.length)
  })

  it.each([
    ['an input', { ...call, input: {} }, 'input.noteId is required'],
    ['an answer', { ...call, data: { noteId } }, 'data.lines is required'],
    ['a field that no longer exists', { ...call, data: { ...call.data, by: 'x' } }, 'data.by is not allowed'],
    [
      'a page that the operation does not have',
      { ...call, page: { next: null, hasMore: false } },
      'page is not allowed',
    ],
  ])('is reported when it is wrong: %s', (_what, example, message) => {
    const [error, ...others] = errorsOf(withCall(example))
    expect(error).toContain('the example of operations/notes.readNote does not match its schema')
    expect(error).toContain(message)
    expect(others).toEqual([])
  })

  it('is reported when an event has another name or other data', () => {
    for (const wrong of [
      { ...read, name: 'notes.noteLost' },
      { ...read, data: {} },
    ])
      expect(errorsOf({ ...withCall(call), events: { 'notes.noteRead': wrong } })).toHaveLength(1)
  })
})

describe('an example of a frame', () => {
  const errorsOfFrame = (events: unknown[]) => {
    const frame = { channel: `user:${noteId}`, epoch: 'x1', events }
    const errors = findExampleErrors(registry, { ...noExamples, messages: { events: frame } })
    return errors.filter(error => error.includes('messages/events'))
  }

  it('contains declared and valid events only', () => {
    expect(errorsOfFrame([read])).toEqual([])
    expect(errorsOfFrame([{ ...read, data: {} }])).toEqual([expect.stringContaining('data.noteId is required')])
    expect(errorsOfFrame([{ ...read, name: 'test.numberEmitted' }])).toEqual([
      expect.stringContaining('test.numberEmitted is no published event'),
    ])
  })
})

describe('merging recordings', () => {
  const recorded = {
    kind: 'call',
    name: 'notes.readNote',
    value: { ...call, data: { noteId, lines: [1, 2] } },
  } as const
  const frame = {
    kind: 'message',
    name: 'events',
    value: { channel: `user:${noteId}`, epoch: 'x1', events: [read] },
  } as const

  it('keeps an example that is valid, so that recording again changes nothing', () => {
    expect(mergeRecordings(registry, withCall(call), [recorded]).operations).toEqual({ 'notes.readNote': call })
  })

  it('replaces one that is not, and drops those of what was removed', () => {
    const outdated = { 'notes.readNote': { input: {} }, 'notes.lostNote': call }
    const merged = mergeRecordings(registry, { ...noExamples, operations: outdated }, [recorded])
    expect(merged.operations).toEqual({ 'notes.readNote': recorded.value })
  })

  it('finds the events in frames, which are examples themselves', () => {
    const { events, messages } = mergeRecordings(registry, noExamples, [frame])
    expect(events).toEqual({ 'notes.noteRead': read })
    expect(messages).toEqual({ events: { ...frame.value, epoch: '8f3k' } })
  })

  it('takes nothing that does not match the schema', () => {
    const wrong = { ...recorded, value: { ...call, data: {} } }
    expect(mergeRecordings(registry, noExamples, [wrong])).toEqual(noExamples)
  })
})

describe('the choice of an example', () => {
  it.each([
    ['filled fields to null', { a: 1, b: 'x' }, { a: 1, b: null }],
    ['a success to an error', { error: null, state: 'ready' }, { error: { code: 'a', message: 'b' }, state: 'failed' }],
    ['the first page', { input: {}, data: [1] }, { input: { cursor: 'abc' }, data: [1] }],
    ['items to an empty list', { a: [{ b: 1 }] }, { a: [], c: 1, d: 1 }],
    ['one item to many', { a: [{ b: 1 }] }, { a: [{ b: 1 }, { b: 2 }] }],
    ['a readable text to odd ones', { a: 'Hello' }, { a: '<b>\u202e</b>' }],
    [
      'a short one to more than 2 kB',
      { a: 1 },
      { a: 1, b: Array.from({ length: 60 }, () => 'a text like any other'.repeat(2)) },
    ],
  ])('prefers %s', (_what, better, worse) => {
    expect(chooseExample([worse, better])).toEqual(better)
    expect(chooseExample([better, worse])).toEqual(better)
  })
})

describe('an anonymous example', () => {
  const [ann, track] = ['7d3f2c1e-0000-4000-8000-00000000000a', '7d3f2c1e-0000-4000-8000-00000000000b']

  it('has small ids, which stay equal wherever they appear', () => {
    expect(anonymizeExample({ id: ann, channel: `track:${track}`, [ann]: [track] })).toEqual({
      id: noteId,
      channel: 'track:01900000-0000-7000-8000-000000000002',
      [noteId]: ['01900000-0000-7000-8000-000000000002'],
    })
  })

  it('begins at a fixed instant and keeps the distances', () => {
    expect(
      anonymizeExample({ createdAt: '2031-02-03T04:05:06.789Z', endsAtMs: Date.parse('2031-02-03T04:05:16.790Z') }),
    ).toEqual({ createdAt: '2026-05-01T12:00:00.000Z', endsAtMs: Date.parse('2026-05-01T12:00:10.000Z') })
    expect(anonymizeExample({ from: '2031-02-03', to: '2031-02-05' })).toEqual({ from: '2026-05-01', to: '2026-05-03' })
  })

  it('holds no host, bucket, signature, token, secret or hash, and stays as long as a secret must be', () => {
    const port = 'http://127.0.0.1:39211'
    expect(
      anonymizeExample({
        api: `${port}/api/v1/pictures/${ann}`,
        file: `${port}/test-1b2c3d4e5f60718293/audio/${ann}.m4a?X-Amz-Date=1&X-Amz-Signature=ab12&X-Amz-Expires=60`,
        token: 'eyJhbGciOiJSUzI1NiIsInR5cCI6.eyJzdWIiOiJhbm4iLCJleHAiOjE3.c2lnbmF0dXJlLTEyMzQ1Njc4',
        secret: 'Zk3v9QmXn2LrT8sWb5Yc1Hd7Jf4Gg6Pp0Aa-Ee_Ii1',
        sha256: 'ab12'.repeat(16),
        epoch: 'q9w8e7',
      }),
    ).toEqual({
      api: `https://api.example.com/api/v1/pictures/${noteId}`,
      file: `https://media.example.com/tutti-media/audio/${noteId}.m4a?X-Amz-Signature=EXAMPLE`,
      token: expect.stringMatching(/^(EXAMPLE)+E?X?A?M?P?L?$/) as string,
      secret: 'EXAMPLE'.repeat(6),
      sha256: '0123456789abcdef'.repeat(4),
      epoch: '8f3k',
    })
  })

  it('names people by their handles', () => {
    expect(
      anonymizeExample([
        { handle: 'r_17', displayName: 'R_17' },
        { handle: 'bob2', displayName: 'Robert' },
      ]),
    ).toEqual([
      { handle: 'ann', displayName: 'Ann' },
      { handle: 'ben', displayName: 'Robert' },
    ])
  })
})
