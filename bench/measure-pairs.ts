import { median } from './judge'
import { readSteal, stealSince } from './machine'

/** Consecutive measurements of the same work on Tutti, the bare server and, if given, the floor. */
export interface Pair<T = number> {
  ours: T
  baseline: T
  floor: number | undefined
  /** CPU steal during the pair, as a share of the time. */
  steal: number
}

export interface PairPlan<T> {
  ours: () => Promise<T>
  baseline: () => Promise<T>
  floor?: () => Promise<number>
  rounds?: number
  /** Discarded rounds at the start, while the JIT compiles. Default 1. */
  warmupRounds?: number
  /** Whether a deviating floor marks a pair as disturbed. Default true. */
  isFloorSteady?: boolean
}

export interface PairedResult<T> {
  /** The pairs that count. */
  pairs: readonly Pair<T>[]
  remarks: readonly string[]
}

/** Events were lost, late or duplicated: the measurement is invalid. */
export class InvalidMeasurement extends Error {}

const floorDeviationMax = 0.15
const stealMax = 0.02
const pairsMin = 6
const triesMax = 3

/**
 * Measures in rounds of ABCCBA (Tutti, baseline, floor and back), which give two pairs each, so that a slow drift of the machine favors
 * one side in the first pair and the other in the second. Excludes disturbed pairs and adds rounds for them, up to twice as many.
 * Repeats an invalid measurement up to 3 times, then throws.
 */
export async function measurePairs<T = number>(plan: PairPlan<T>): Promise<PairedResult<T>> {
  const { ours, baseline, floor, rounds = 5, warmupRounds = 1, isFloorSteady = true } = plan
  const floorOf = async () => (floor === undefined ? undefined : valid(floor))
  for (let round = 0; round < warmupRounds; round += 1)
    for (const first of [ours, baseline, floorOf]) await valid<unknown>(first)
  const all: Pair<T>[] = []
  const hasEnough = () => all.length >= 2 * rounds && quietOf(all, isFloorSteady).length >= 2 * rounds
  for (let round = 0; round < 2 * rounds && !hasEnough(); round += 1) {
    const before = readSteal()
    const forward = { ours: await valid(ours), baseline: await valid(baseline), floor: await floorOf() }
    all.push({ ...forward, steal: stealSince(before) })
    const between = readSteal()
    const backward = { floor: await floorOf(), baseline: await valid(baseline), ours: await valid(ours) }
    all.push({ ...backward, steal: stealSince(between) })
  }
  return selectPairs(all, isFloorSteady)
}

/** Selects the undisturbed pairs; all pairs, with a remark, when too few are undisturbed. */
export function selectPairs<T>(all: readonly Pair<T>[], isFloorSteady = true): PairedResult<T> {
  const quiet = quietOf(all, isFloorSteady)
  if (quiet.length === all.length) return { pairs: all, remarks: [] }
  const disturbed = `${all.length - quiet.length} of ${all.length} pairs were disturbed`
  if (quiet.length >= Math.min(pairsMin, all.length / 2))
    return { pairs: quiet, remarks: [`${disturbed} and excluded`] }
  return { pairs: all, remarks: [`the machine was busy: ${disturbed}, all of them count`] }
}

function quietOf<T>(all: readonly Pair<T>[], isFloorSteady: boolean): readonly Pair<T>[] {
  const typical = median(all.flatMap(({ floor }) => floor ?? []))
  const isSteady = (floor: number | undefined) =>
    !isFloorSteady || floor === undefined || Math.abs(floor / typical - 1) <= floorDeviationMax
  return all.filter(({ floor, steal }) => steal <= stealMax && isSteady(floor))
}

async function valid<T>(measure: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await measure()
    } catch (error) {
      if (!(error instanceof InvalidMeasurement) || tries === triesMax) throw error
    }
  }
}
