import { compactSpans, type TimeSpan, claimFreeTime } from '../../../skills/plays/claim-free-time'

describe('the time of a listener', () => {
  it('is given once, the earliest first, and no more than there is', () => {
    expect(claimFreeTime([], [100, 200], 30)).toEqual({ taken: [[100, 130]], gotMs: 30 })
    expect(claimFreeTime([[100, 130]], [100, 200], 30)).toEqual({ taken: [[100, 160]], gotMs: 30 })
    expect(claimFreeTime([[120, 130]], [100, 200], 30)).toEqual({ taken: [[100, 140]], gotMs: 30 })
    expect(claimFreeTime([[0, 500]], [100, 200], 30)).toEqual({ taken: [[0, 500]], gotMs: 0 })
    expect(claimFreeTime([[0, 110]], [100, 120], 30)).toEqual({ taken: [[0, 120]], gotMs: 10 })
    expect(claimFreeTime([[300, 400]], [100, 200], 1_000)).toEqual({
      taken: [
        [100, 200],
        [300, 400],
      ],
      gotMs: 100,
    })
    expect(claimFreeTime([[0, 90]], [200, 100], 30)).toEqual({ taken: [[0, 90]], gotMs: 0 })
  })

  it('that two clocks know of is taken once', () => {
    const { taken, gotMs } = claimFreeTime(
      [
        [0, 50],
        [100, 150],
        [0, 60],
      ],
      [0, 120],
      100,
    )
    expect({ taken, gotMs }).toEqual({ taken: [[0, 150]], gotMs: 40 })
  })

  it('is kept short: what is over goes, and breaks of long ago are closed', () => {
    const taken: TimeSpan[] = Array.from({ length: 10 }, (_, n) => [n * 100, n * 100 + 50])
    expect(compactSpans(taken, 250, 100)).toEqual(taken.slice(3))
    expect(compactSpans(taken, 250, 7)).toEqual(taken.slice(3))
    expect(compactSpans(taken, 250, 3)).toEqual([[300, 750], ...taken.slice(8)])
    expect(compactSpans(taken, 250, 1)).toEqual([[300, 950]])
    expect(compactSpans(taken, 5_000, 3)).toEqual([])
  })
})

/** Numbers that look random and are the same in every run. */
function dice(seed: number) {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

interface Told {
  openedAt: number
  arrivesAt: number
  heardMs: number
}

it('who hears one thing after the other gets all of it, however early plays are opened and however late they are told', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const roll = dice(seed)
    const told: Told[] = []
    let at = 1_000
    for (let n = 0; n < 30; n += 1) {
      const heardMs = 1 + roll(50)
      const begun = at + roll(3) * roll(40)
      at = begun + heardMs
      told.push({ openedAt: begun - roll(2) * roll(300), arrivesAt: at + roll(3) * roll(200), heardMs })
    }
    let taken: TimeSpan[] = []
    for (const { openedAt, arrivesAt, heardMs } of told.sort((one, other) => one.arrivesAt - other.arrivesAt)) {
      const got = claimFreeTime(taken, [openedAt, arrivesAt], heardMs)
      expect(got.gotMs).toBe(heardMs)
      taken = compactSpans(got.taken, 0, 32)
    }
  }
})

it('whatever is claimed, what is given is no more than has passed', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const roll = dice(seed)
    let taken: TimeSpan[] = []
    let [given, now] = [0, 0]
    for (let n = 0; n < 60; n += 1) {
      now += roll(40)
      const got = claimFreeTime(taken, [roll(now + 1), now], roll(200))
      given += got.gotMs
      taken = compactSpans(got.taken, -1, 4)
      expect(given).toBeLessThanOrEqual(now)
      expect(taken.length).toBeLessThanOrEqual(4)
    }
  }
})
