import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { transition, isFinal, canTransition } from '../../../skills/music-upload/rules'
import { type UploadState } from '../../../models/upload'

const states: UploadState[] = [
  ...(['initiated', 'uploaded', 'processing', 'ready'] as const),
  ...(['rejected', 'failed', 'aborted', 'expired'] as const),
]
const anyState = fc.constantFrom(...states)
const order: UploadState[] = ['initiated', 'uploaded', 'processing']
/** What came after the last failure that another try followed. */
const sinceFailed = (passed: UploadState[]) => passed.slice(passed.slice(0, -1).lastIndexOf('failed') + 1)

describe('the states of an upload', () => {
  it('are never left once they are final, and gone back to only for another try of what failed', () => {
    fc.assert(
      fc.property(fc.array(anyState, { maxLength: 30 }), wishes => {
        const passed: UploadState[] = ['initiated']
        for (const wish of wishes) {
          const from = passed.at(-1) ?? 'initiated'
          if (!canTransition(from, wish)) {
            expect(() => transition(from, wish)).toThrow(`from ${from} to ${wish}`)
            continue
          }
          expect(isFinal(from)).toBe(false)
          if (from !== 'failed') expect(sinceFailed(passed)).not.toContain(wish)
          passed.push(transition(from, wish))
        }
        // However it goes, the way leads through the steps in their order, and a final state comes last.
        const working = sinceFailed(passed).filter(state => order.includes(state))
        const start = passed.includes('failed') && working[0] !== 'initiated' ? 1 : 0
        expect(working).toEqual(order.slice(start, start + working.length))
        expect(passed.slice(0, -1).some(isFinal)).toBe(false)
      }),
    )
  })

  it('follow each other in these ways alone: every other jump is refused', () => {
    const ways = {
      initiated: ['uploaded', 'aborted', 'expired'],
      uploaded: ['processing', 'failed', 'aborted'],
      processing: ['ready', 'rejected', 'failed', 'aborted'],
      failed: ['uploaded', 'aborted'],
      ...{ ready: [], rejected: [], aborted: [], expired: [] },
    } satisfies Record<UploadState, UploadState[]>
    for (const from of states)
      for (const to of states) {
        const isAllowed = ways[from].some(way => way === to)
        if (isAllowed) expect(transition(from, to)).toBe(to)
        else expect(() => transition(from, to)).toThrow(`an upload cannot go from ${from} to ${to}`)
      }
  })

  it('lead to ready only through the work, and everything can be given up until it is over', () => {
    expect(states.filter(state => canTransition(state, 'ready'))).toEqual(['processing'])
    expect(states.filter(state => canTransition(state, 'expired'))).toEqual(['initiated'])
    for (const state of states) expect(canTransition(state, 'aborted')).toBe(!isFinal(state))
  })

  it('are those that the documentation has', () => {
    const rows = readFileSync('docs/upload-a-file.md', 'utf8').matchAll(/^\| `(\w+)` +\|[^|]+\|([^|]*)\|$/gm)
    const told = Object.fromEntries([...rows].map(([, from = '', to = '']) => [from, (to.match(/\w+/g) ?? []).sort()]))
    expect(told).toEqual(
      Object.fromEntries(states.map(from => [from, states.filter(to => canTransition(from, to)).sort()])),
    )
  })
})
