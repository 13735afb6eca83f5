import fc from 'fast-check'
import { toRefusal } from '../../kernel/pipeline/errors'
import { newId } from '../../kernel/pipeline/new-id'
import { toPage, pageSizeMax, parseCursor } from '../../kernel/pipeline/paging'
import { refusals } from '../../kernel/pipeline/refusals'
import { addNote, listNotes, notesRegistry, notesTable } from './notes'
import { type TestKernel, createTestKernel, createActor } from './test-kernel'

let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({ registry: notesRegistry, tables: notesTable })
})
afterAll(() => kernel[Symbol.asyncDispose]())

const keys = (row: { n: number; id: string }) => [row.n, row.id] as const

describe('a cursor', () => {
  it('returns the keys of the last row as text', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer(), fc.string({ maxLength: 20 })), { minLength: 2 }), rows => {
        fc.pre(rows.every(([, id]) => !id.includes('\u0000')))
        const page = toPage(
          rows.map(([n, id]) => ({ n, id })),
          rows.length - 1,
          keys,
        )
        const [n, id] = rows[rows.length - 2] ?? [0, '']
        expect(page.next).toMatch(/^[A-Za-z0-9_-]+$/)
        expect(parseCursor({ cursor: page.next ?? '' }, 2)).toEqual([String(n), id])
      }),
    )
  })

  it('is null at the end of the list', () => {
    expect(toPage([{ n: 1, id: 'a' }], 1, keys).next).toBeNull()
    expect(toPage([], 1, keys).next).toBeNull()
  })

  it.each([
    ['garbage', 'AAAA'],
    ['not a list', encode({})],
    ['too few keys', encode(['a'])],
    ['too many keys', encode(['a', 'b', 'c'])],
    ['nesting', encode([['a'], 'b'])],
    ['an operator', encode([{ gt: 1 }, 'b'])],
    ['nothing', encode([null, 'b'])],
    ['a NUL character', encode(['a\u0000', 'b'])],
    ['too long a value', encode(['a'.repeat(201), 'b'])],
  ])('that holds %s is rejected', (_what, cursor) => {
    let thrown: unknown
    try {
      parseCursor({ cursor }, 2)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({
      kind: refusals.invalidInput,
      extras: { errors: [{ path: 'cursor', code: 'invalid_cursor' }] },
    })
  })

  it.each([
    ['a number where an id belongs', encode(['a', 5])],
    ['text where an id belongs', encode(['a', "x' or 1=1 --"])],
    ['characters outside its alphabet', 'a b'],
    ['an oversized text', 'A'.repeat(401)],
  ])('with %s is invalid input in a real list, not a server error', async (_what, cursor) => {
    expect(await kernel.expectProblem(listNotes, { cursor }, { actor: createActor() })).toMatchObject({
      status: 400,
      code: 'invalid_input',
    })
  })

  it('of any bytes is either accepted or rejected as invalid input', async () => {
    const actor = createActor()
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.base64String(), fc.json().map(encodeText)), async raw => {
        const cursor = raw.replace(/[^A-Za-z0-9_-]/g, '').slice(0, 400)
        fc.pre(cursor !== '')
        const answered = await kernel.call(listNotes, { cursor }, { actor }).then(
          () => 'ok',
          (error: unknown) => toRefusal(error).kind.code,
        )
        expect(['ok', 'invalid_input']).toContain(answered)
      }),
      { numRuns: 60 },
    )
  })
})

describe('a list read page by page', () => {
  it('shows every row once, in order, despite concurrent inserts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 5 }),
        async (first, late, limit) => {
          const actor = createActor()
          const add = async (rank: number) => {
            const id = newId(new Date())
            await kernel.sql('insert into notes values (:id, :owner, :body)', { id, owner: actor.id, body: `n${rank}` })
            return id
          }
          const before: string[] = []
          for (const rank of first) before.push(await add(rank))
          const seen: { id: string; body: string }[] = []
          let cursor: string | null = null
          do {
            const { data, page }: Awaited<ReturnType<TestKernel['call']>> = await kernel.call(
              listNotes,
              { limit, ...(cursor === null ? {} : { cursor }) },
              { actor },
            )
            seen.push(...(data as { id: string; body: string }[]))
            expect(page?.hasMore).toBe(page?.next !== null)
            cursor = page?.next ?? null
            const arriving = late.pop()
            if (arriving !== undefined) await add(arriving)
          } while (cursor !== null)
          const ids = seen.map(({ id }) => id)
          expect(new Set(ids).size).toBe(ids.length)
          expect(ids).toEqual(expect.arrayContaining(before))
          expect(seen.map(({ body }) => body)).toEqual(seen.map(({ body }) => body).sort())
        },
      ),
      { numRuns: 25 },
    )
  })

  it.each([0, -1, pageSizeMax + 1, 1e9, 1.5, '10'])('rejects the limit %j', async limit => {
    const problem = await kernel.expectProblem(listNotes, { limit }, { actor: createActor() })
    expect(problem).toMatchObject({ code: 'invalid_input', errors: [{ path: 'limit' }] })
  })

  it('shows no rows of other callers', async () => {
    await kernel.call(addNote, { body: 'mine' }, { actor: createActor() })
    expect(await kernel.call(listNotes, {}, { actor: createActor() })).toEqual({
      data: [],
      page: { next: null, hasMore: false },
    })
  })
})

function encode(keys: unknown): string {
  return encodeText(JSON.stringify(keys))
}

function encodeText(text: string): string {
  return Buffer.from(text).toString('base64url')
}
