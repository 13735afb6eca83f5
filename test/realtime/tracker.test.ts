import fc from 'fast-check'
import { ChannelTracker } from '../../realtime/log/channel-tracker'

const logSize = 200
const log = Array.from({ length: logSize }, (_, index) => {
  const offset = index + 1
  return { offset, id: String(offset), name: 'test.numberEmitted', at: '', data: { n: offset } }
})
/** Events from `from` to before `to`. */
const part = (from: number, to: number) => log.slice(from - 1, to - 1)

const bounds = fc
  .tuple(fc.integer({ min: 1, max: logSize + 1 }), fc.integer({ min: 0, max: 90 }))
  .map(([from, length]) => ({ from, to: Math.min(from + length, logSize + 1) }))
const epoch = fc.constantFrom('a', 'a', 'a', 'b')
const step = fc.oneof(
  fc.record({ kind: fc.constant('see' as const), epoch, bounds }),
  fc.record({ kind: fc.constant('recall' as const), epoch, bounds }),
  fc.record({ kind: fc.constant('go on' as const), epoch: fc.constant('a'), bounds }),
)

it('remembers only events that continue without a gap up to the delivered offset, for any order of observed and recalled ones', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: logSize }), fc.array(step, { maxLength: 40 }), (start, steps) => {
      const tracker = new ChannelTracker('track:x')
      tracker.startAfter({ epoch: 'a', offset: start })
      for (const {
        kind,
        epoch: of,
        bounds: { from, to },
      } of steps) {
        if (kind === 'see') tracker.accept({ epoch: of, events: part(from, to) })
        else if (kind === 'recall') tracker.prepend({ epoch: of, events: part(from, to) })
        else
          tracker.accept({
            epoch: of,
            events: part(tracker.lastOffset + 1, Math.min(tracker.lastOffset + 4, logSize + 1)),
          })
        for (let offset = 0; offset <= tracker.lastOffset; offset += 1) {
          const events = tracker.eventsAfter(offset)
          if (events !== undefined) expect(events).toEqual(part(offset + 1, tracker.lastOffset + 1))
        }
      }
    }),
    { numRuns: 300 },
  )
})

it('serves a reconnecting follower with the events that another one has requested', () => {
  const tracker = new ChannelTracker('track:x')
  tracker.startAfter({ epoch: 'a', offset: 10 })
  expect(tracker.eventsAfter(7)).toBeUndefined()
  tracker.prepend({ epoch: 'a', events: part(8, 11) })
  expect(tracker.eventsAfter(7)).toEqual(part(8, 11))
  tracker.accept({ epoch: 'a', events: part(11, 12) })
  tracker.prepend({ epoch: 'a', events: part(3, 9) })
  expect(tracker.eventsAfter(2)).toEqual(part(3, 12))
})

it('rejects recalled events of another epoch, that end too early or continue too far', () => {
  const tracker = new ChannelTracker('track:x')
  tracker.startAfter({ epoch: 'a', offset: 10 })
  tracker.prepend({ epoch: 'b', events: part(8, 11) })
  tracker.prepend({ epoch: 'a', events: part(8, 10) })
  tracker.prepend({ epoch: 'a', events: part(8, 13) })
  expect(tracker.eventsAfter(7)).toBeUndefined()
})
