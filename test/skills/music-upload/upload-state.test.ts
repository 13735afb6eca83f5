import fc from 'fast-check'
import { advance, isFinal, mayFollow, type UploadState } from '../../../skills/music-upload/upload-state'

const states: UploadState[] = [
  ...(['initiated', 'uploaded', 'processing', 'ready'] as const),
  ...(['rejected', 'failed', 'aborted', 'expired'] as const),
]
const anyState = fc.constantFrom(...states)
const order: UploadState[] = ['initiated', 'uploaded', 'processing']

describe('the states of an upload', () => {
  it('are never left once they are final, and never gone back to', () => {
    fc.assert(
      fc.property(fc.array(anyState, { maxLength: 30 }), wishes => {
        const passed: UploadState[] = ['initiated']
        for (const wish of wishes) {
          const from = passed.at(-1) ?? 'initiated'
          if (!mayFollow(from, wish)) {
            expect(() => advance(from, wish)).toThrow(`from ${from} to ${wish}`)
            continue
          }
          expect(isFinal(from)).toBe(false)
          expect(passed).not.toContain(wish)
          passed.push(advance(from, wish))
        }
        // However it goes, the way leads through the steps in their order, and a final state comes last.
        const working = passed.filter(state => order.includes(state))
        expect(working).toEqual(order.slice(0, working.length))
        expect(passed.slice(0, -1).some(isFinal)).toBe(false)
      }),
    )
  })

  it('lead to ready only through the work, and everything can be given up until it is over', () => {
    expect(states.filter(state => mayFollow(state, 'ready'))).toEqual(['processing'])
    expect(states.filter(state => mayFollow(state, 'expired'))).toEqual(['initiated'])
    for (const state of states) expect(mayFollow(state, 'aborted')).toBe(!isFinal(state))
  })
})
