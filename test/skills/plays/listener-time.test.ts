import { compactSpans, type TimeSpan, claimFreeTime } from '../../../skills/plays/claim-free-time'

describe('listening time', () => {
  it('is claimed once, earliest first, and no more than is free', () => {
    expect(claimFreeTime([], [100, 200], 30)).toEqual({ claimed: [[100, 130]], claimedMs: 30 })
    expect(claimFreeTime([[100, 130]], [100, 200], 30)).toEqual({ claimed: [[100, 160]], claimedMs: 30 })
    expect(claimFreeTime([[120, 130]], [100, 200], 30)).toEqual({ claimed: [[100, 140]], claimedMs: 30 })
    expect(claimFreeTime([[0, 500]], [100, 200], 30)).toEqual({ claimed: [[0, 500]], claimedMs: 0 })
    expect(claimFreeTime([[0, 110]], [100, 120], 30)).toEqual({ claimed: [[0, 120]], claimedMs: 10 })
    expect(claimFreeTime([[300, 400]], [100, 200], 1_000)).toEqual({
      claimed: [
        [100, 200],
        [300, 400],
      ],
      claimedMs: 100,
    })
    expect(claimFreeTime([[0, 90]], [200, 100], 30)).toEqual({ claimed: [[0, 90]], claimedMs: 0 })
  })

  it('claimed in overlapping spans is merged', () => {
    const { claimed, claimedMs } = claimFreeTime(
      [
        [0, 50],
        [100, 150],
        [0, 60],
      ],
      [0, 120],
      100,
    )
    expect({ claimed, claimedMs }).toEqual({ claimed: [[0, 150]], claimedMs: 40 })
  })

  it('is compacted: expired spans are dropped and the oldest gaps are closed', () => {
    const claimed: TimeSpan[] = Array.from({ length: 10 }, (_, n) => [n * 100, n * 100 + 50])
    expect(compactSpans(claimed, 250, 100)).toEqual(claimed.slice(3))
    expect(compactSpans(claimed, 250, 7)).toEqual(claimed.slice(3))
    expect(compactSpans(claimed, 250, 3)).toEqual([[300, 750], ...claimed.slice(8)])
    expect(compactSpans(claimed, 250, 1)).toEqual([[300, 950]])
    expect(compactSpans(claimed, 5_000, 3)).toEqual([])
  })
})

/** Pseudo-random numbers from a seed. */
function createRandom(seed: number) {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

interface Report {
  openedAt: number
  arrivesAt: number
  heardMs: number
}

it('sequential listening is claimed in full, although plays start early and reports arrive late', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = createRandom(seed)
    const reports: Report[] = []
    let at = 1_000
    for (let n = 0; n < 30; n += 1) {
      const heardMs = 1 + random(50)
      const begun = at + random(3) * random(40)
      at = begun + heardMs
      reports.push({ openedAt: begun - random(2) * random(300), arrivesAt: at + random(3) * random(200), heardMs })
    }
    let claimed: TimeSpan[] = []
    for (const { openedAt, arrivesAt, heardMs } of reports.sort((one, other) => one.arrivesAt - other.arrivesAt)) {
      const claim = claimFreeTime(claimed, [openedAt, arrivesAt], heardMs)
      expect(claim.claimedMs).toBe(heardMs)
      claimed = compactSpans(claim.claimed, 0, 32)
    }
  }
})

it('claimed time never exceeds the time that has passed', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = createRandom(seed)
    let claimed: TimeSpan[] = []
    let [given, now] = [0, 0]
    for (let n = 0; n < 60; n += 1) {
      now += random(40)
      const claim = claimFreeTime(claimed, [random(now + 1), now], random(200))
      given += claim.claimedMs
      claimed = compactSpans(claim.claimed, -1, 4)
      expect(given).toBeLessThanOrEqual(now)
      expect(claimed.length).toBeLessThanOrEqual(4)
    }
  }
})
