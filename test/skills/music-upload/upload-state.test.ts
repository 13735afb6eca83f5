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
/** The states after the last failure that was retried. */
const sinceLastFailure = (passed: UploadState[]) => passed.slice(passed.slice(0, -1).lastIndexOf('failed') + 1)

describe('the states of an upload', () => {
  it('never change once final, and repeat only in the retry of a failed upload', () => {
    fc.assert(
      fc.property(fc.array(anyState, { maxLength: 30 }), requested => {
        const passed: UploadState[] = ['initiated']
        for (const target of requested) {
          const from = passed.at(-1) ?? 'initiated'
          if (!canTransition(from, target)) {
            expect(() => transition(from, target)).toThrow(`from ${from} to ${target}`)
            continue
          }
          expect(isFinal(from)).toBe(false)
          if (from !== 'failed') expect(sinceLastFailure(passed)).not.toContain(target)
          passed.push(transition(from, target))
        }
        // The working states occur in order, and a final state comes last.
        const working = sinceLastFailure(passed).filter(state => order.includes(state))
        const start = passed.includes('failed') && working[0] !== 'initiated' ? 1 : 0
        expect(working).toEqual(order.slice(start, start + working.length))
        expect(passed.slice(0, -1).some(isFinal)).toBe(false)
      }),
    )
  })

  it('allow only the transitions of the table', () => {
    const transitions = {
      initiated: ['uploaded', 'aborted', 'expired'],
      uploaded: ['processing', 'failed', 'aborted'],
      processing: ['ready', 'rejected', 'failed', 'aborted'],
      failed: ['uploaded', 'aborted'],
      ...{ ready: [], rejected: [], aborted: [], expired: [] },
    } satisfies Record<UploadState, UploadState[]>
    for (const from of states)
      for (const to of states) {
        const isAllowed = transitions[from].some(allowed => allowed === to)
        if (isAllowed) expect(transition(from, to)).toBe(to)
        else expect(() => transition(from, to)).toThrow(`an upload cannot go from ${from} to ${to}`)
      }
  })

  it('reach ready only from processing, and can be aborted until they are final', () => {
    expect(states.filter(state => canTransition(state, 'ready'))).toEqual(['processing'])
    expect(states.filter(state => canTransition(state, 'expired'))).toEqual(['initiated'])
    for (const state of states) expect(canTransition(state, 'aborted')).toBe(!isFinal(state))
  })

  it('are those of the documentation', () => {
    const rows = readFileSync('docs/upload-a-file.md', 'utf8').matchAll(/^\| `(\w+)` +\|[^|]+\|([^|]*)\|$/gm)
    const documented = Object.fromEntries(
      [...rows].map(([, from = '', to = '']) => [from, (to.match(/\w+/g) ?? []).sort()]),
    )
    expect(documented).toEqual(
      Object.fromEntries(states.map(from => [from, states.filter(to => canTransition(from, to)).sort()])),
    )
  })
})
