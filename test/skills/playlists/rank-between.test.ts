import fc from 'fast-check'
import { ranksAfterMove, type ItemRank } from '../../../skills/playlists/ranks-after-move'
import { evenRanks, rankBetween, rankLengthMax } from '../../../skills/playlists/rank-between'

const rank = fc.stringMatching(/^[0-9A-Za-z]{0,12}[1-9A-Za-z]$/)
const isRank = /^[0-9A-Za-z]*[1-9A-Za-z]$/

describe('rankBetween', () => {
  it('sorts between both ranks, and leaves room on both sides', () => {
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

  it('sorts after the last and before the first rank', () => {
    fc.assert(
      fc.property(rank, end => {
        expect(rankBetween(end, null) > end).toBe(true)
        expect(rankBetween(null, end) < end).toBe(true)
        expect(rankBetween(end, null)).toMatch(isRank)
        expect(rankBetween(null, end)).toMatch(isRank)
      }),
    )
  })

  it('gives a valid rank for an empty list', () => {
    expect(rankBetween(null, null)).toMatch(isRank)
  })

  it('stays short when many ranks are added at either end', () => {
    let first = rankBetween(null, null)
    let last = first
    for (let moveCount = 0; moveCount < 5_000; moveCount += 1) {
      last = rankBetween(last, null)
      first = rankBetween(null, first)
    }
    expect([first.length, last.length]).toEqual([4, 4])
  })

  it('continues beyond the largest and before the smallest short rank', () => {
    expect(rankBetween('zzzz', null) > 'zzzz').toBe(true)
    expect(rankBetween(null, '0001') < '0001').toBe(true)
  })
})

describe('evenRanks', () => {
  it('gives the requested number of short ranks in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_001 }), count => {
        const ranks = evenRanks(count)
        expect(ranks).toHaveLength(count)
        expect(ranks.toSorted()).toEqual(ranks)
        expect(new Set(ranks).size).toBe(count)
        expect(ranks.every(one => isRank.test(one) && one.length <= 4)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })
})

describe('ranksAfterMove', () => {
  const inOrder = (ranks: readonly ItemRank[]) =>
    ranks.toSorted((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ itemId }) => itemId)

  it('gives the same order as the same moves in an array', () => {
    const moves = fc.array(fc.tuple(fc.nat(12), fc.option(fc.nat(12))), { maxLength: 200 })
    fc.assert(
      fc.property(moves, sequence => {
        let ranks: ItemRank[] = []
        let plain: string[] = []
        for (const [item, behind] of sequence) {
          const itemId = `item ${item}`
          const after = plain[behind ?? -1] ?? null
          const changed = ranksAfterMove(ranks, itemId, after)
          const kept = ranks.filter(one => !changed.some(({ itemId: other }) => other === one.itemId))
          ranks = [...kept, ...changed].toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
          if (after !== itemId) {
            plain = plain.filter(one => one !== itemId)
            plain.splice(after === null ? 0 : plain.indexOf(after) + 1, 0, itemId)
          }
          expect(inOrder(ranks)).toEqual(plain)
          expect(new Set(ranks.map(one => one.rank)).size).toBe(ranks.length)
        }
      }),
    )
  })

  it('changes nothing for an item that is already there', () => {
    const order = ['a', 'b', 'c'].map((itemId, at) => ({ itemId, rank: evenRanks(3)[at] ?? '' }))
    expect([
      ranksAfterMove(order, 'a', null),
      ranksAfterMove(order, 'b', 'a'),
      ranksAfterMove(order, 'b', 'b'),
    ]).toEqual([[], [], []])
  })

  it('reassigns all ranks when one would become too long, after at least a hundred moves to the same gap', () => {
    let order: ItemRank[] = evenRanks(2).map((one, at) => ({ itemId: `item ${at}`, rank: one }))
    let moveCount = 0
    for (;;) {
      const changed = ranksAfterMove(order, `new ${moveCount}`, 'item 0')
      if (changed.length > 1) {
        expect(changed).toHaveLength(order.length + 1)
        expect(changed.every(({ rank: given }) => given.length <= 4)).toBe(true)
        expect(inOrder(changed).slice(0, 2)).toEqual(['item 0', `new ${moveCount}`])
        break
      }
      expect(changed[0]?.rank.length).toBeLessThanOrEqual(rankLengthMax)
      order = [...order, ...changed].toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
      moveCount += 1
    }
    expect(moveCount).toBeGreaterThan(100)
  })
})
