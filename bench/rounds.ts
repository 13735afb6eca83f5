import { median } from './judge'
import { stealNow, stealSince } from './machine'

/** The same work done by ours, by the bare server and, where there is one, by the floor, one right after the other. */
export interface Pair<T = number> {
  ours: T
  baseline: T
  floor: number | undefined
  /** The part of the time that the hypervisor gave to somebody else. */
  steal: number
}

export interface Plan<T> {
  ours: () => Promise<T>
  baseline: () => Promise<T>
  floor?: () => Promise<number>
  rounds?: number
  /** Default 1: so many of the first measurements, made while code is still being compiled, are thrown away. */
  warmings?: number
  /** Default true: a pair whose floor deviates was disturbed. */
  isFloorSteady?: boolean
}

export interface Paired<T> {
  /** Those to judge by. */
  pairs: readonly Pair<T>[]
  remarks: readonly string[]
}

/** Something was lost, late or doubled: what was measured says nothing. */
export class Void extends Error {}

const floorDeviationMax = 0.15
const stealMax = 0.02
const pairsMin = 6
const triesMax = 3

/**
 * Rounds of ABCCBA (ours, baseline, floor and back): each gives two pairs, and a slow drift of the machine favours one in
 * the first and the other in the second. Pairs that the machine disturbed are left out and replaced by further rounds,
 * up to twice as many. A measurement that is void is made again, and fails loudly when it stays so.
 */
export async function inPairs<T = number>(plan: Plan<T>): Promise<Paired<T>> {
  const { ours, baseline, floor, rounds = 5, warmings = 1, isFloorSteady = true } = plan
  const floorOf = async () => (floor === undefined ? undefined : valid(floor))
  for (let round = 0; round < warmings; round += 1)
    for (const first of [ours, baseline, floorOf]) await valid<unknown>(first)
  const all: Pair<T>[] = []
  const isEnough = () => all.length >= 2 * rounds && quietOf(all, isFloorSteady).length >= 2 * rounds
  for (let round = 0; round < 2 * rounds && !isEnough(); round += 1) {
    const early = stealNow()
    const there = { ours: await valid(ours), baseline: await valid(baseline), floor: await floorOf() }
    all.push({ ...there, steal: stealSince(early) })
    const late = stealNow()
    const back = { floor: await floorOf(), baseline: await valid(baseline), ours: await valid(ours) }
    all.push({ ...back, steal: stealSince(late) })
  }
  return chosenFrom(all, isFloorSteady)
}

/** The pairs that nothing disturbed; all of them, with a remark, when these are too few. */
export function chosenFrom<T>(all: readonly Pair<T>[], isFloorSteady = true): Paired<T> {
  const quiet = quietOf(all, isFloorSteady)
  if (quiet.length === all.length) return { pairs: all, remarks: [] }
  const left = `${all.length - quiet.length} of ${all.length} pairs were disturbed`
  if (quiet.length >= Math.min(pairsMin, all.length / 2)) return { pairs: quiet, remarks: [`${left} and left out`] }
  return { pairs: all, remarks: [`the machine was not quiet: ${left}, all are counted`] }
}

function quietOf<T>(all: readonly Pair<T>[], isFloorSteady: boolean): readonly Pair<T>[] {
  const usual = median(all.flatMap(({ floor }) => floor ?? []))
  const isSteady = (floor: number | undefined) =>
    !isFloorSteady || floor === undefined || Math.abs(floor / usual - 1) <= floorDeviationMax
  return all.filter(({ floor, steal }) => steal <= stealMax && isSteady(floor))
}

async function valid<T>(measure: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await measure()
    } catch (error) {
      if (!(error instanceof Void) || tries === triesMax) throw error
    }
  }
}
