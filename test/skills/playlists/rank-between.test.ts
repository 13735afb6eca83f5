import fc from 'fast-check'
import { ranksAfterMove, type ItemRank } from '../../../skills/playlists/ranks-after-move'
import { evenRanks, rankBetween, rankLengthMax } from '../../../skills/playlists/rank-between'

const rank = fc.stringMatching(/^[0-9A-Za-z]{0,12}[1-9A-Za-z]$/)
const isRank = /^[0-9A-Za-z]*[1-9A-Za-z]$/

describe('a rank between two', () => {
  it('is above the one and below the other, and has itself room on both sides', () => {
    fc.assert(
      fc.property(rank, rank, (one, other) => {
        fc.pre(one !== other)
        const [low, high] = one < other ? [one, other] : [other, one]
        const between = rankBetween(low, high)
        expect(low < between && between < high).toBe(true)
        expect(between).toMatch(isRank)
      }),
    )
  })

  it('is above all at the end and below all at the front', () => {
    fc.assert(
      fc.property(rank, end => {
        expect(rankBetween(end, null) > end).toBe(true)
        expect(rankBetween(null, end) < end).toBe(true)
        expect(rankBetween(end, null)).toMatch(isRank)
        expect(rankBetween(null, end)).toMatch(isRank)
      }),
    )
  })

  it('is an ordinary one in an empty list', () => {
    expect(rankBetween(null, null)).toMatch(isRank)
  })

  it('stays short however many are added at either end', () => {
    let first = rankBetween(null, null)
    let last = first
    for (let times = 0; times < 5_000; times += 1) {
      last = rankBetween(last, null)
      first = rankBetween(null, first)
    }
    expect([first.length, last.length]).toEqual([4, 4])
  })

  it('goes on at the very ends of what is counted', () => {
    expect(rankBetween('zzzz', null) > 'zzzz').toBe(true)
    expect(rankBetween(null, '0001') < '0001').toBe(true)
  })
})

describe('even ranks', () => {
  it('are in order, short, and as many as asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_001 }), many => {
        const ranks = evenRanks(many)
        expect(ranks).toHaveLength(many)
        expect(ranks.toSorted()).toEqual(ranks)
        expect(new Set(ranks).size).toBe(many)
        expect(ranks.every(one => isRank.test(one) && one.length <= 4)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })
})

describe('placing items', () => {
  const inOrder = (places: readonly ItemRank[]) =>
    places.toSorted((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ itemId }) => itemId)

  it('gives the order that the same moves give a plain list, whatever they are', () => {
    const moves = fc.array(fc.tuple(fc.nat(12), fc.option(fc.nat(12))), { maxLength: 200 })
    fc.assert(
      fc.property(moves, wishes => {
        let places: ItemRank[] = []
        let plain: string[] = []
        for (const [item, behind] of wishes) {
          const itemId = `item ${item}`
          const after = plain[behind ?? -1] ?? null
          const changed = ranksAfterMove(places, itemId, after)
          const kept = places.filter(one => !changed.some(({ itemId: other }) => other === one.itemId))
          places = [...kept, ...changed].toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
          if (after !== itemId) {
            plain = plain.filter(one => one !== itemId)
            plain.splice(after === null ? 0 : plain.indexOf(after) + 1, 0, itemId)
          }
          expect(inOrder(places)).toEqual(plain)
          expect(new Set(places.map(one => one.rank)).size).toBe(places.length)
        }
      }),
    )
  })

  it('changes nothing for an item that stands there', () => {
    const order = ['a', 'b', 'c'].map((itemId, at) => ({ itemId, rank: evenRanks(3)[at] ?? '' }))
    expect([
      ranksAfterMove(order, 'a', null),
      ranksAfterMove(order, 'b', 'a'),
      ranksAfterMove(order, 'b', 'b'),
    ]).toEqual([[], [], []])
  })

  it('gives everybody a new rank when there would be too long a one, which takes a hundred moves to one spot', () => {
    let order: ItemRank[] = evenRanks(2).map((one, at) => ({ itemId: `item ${at}`, rank: one }))
    let times = 0
    for (;;) {
      const changed = ranksAfterMove(order, `new ${times}`, 'item 0')
      if (changed.length > 1) {
        expect(changed).toHaveLength(order.length + 1)
        expect(changed.every(({ rank: given }) => given.length <= 4)).toBe(true)
        expect(inOrder(changed).slice(0, 2)).toEqual(['item 0', `new ${times}`])
        break
      }
      expect(changed[0]?.rank.length).toBeLessThanOrEqual(rankLengthMax)
      order = [...order, ...changed].toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
      times += 1
    }
    expect(times).toBeGreaterThan(100)
  })
})
