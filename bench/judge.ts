/** A measured figure of a scenario. */
export interface Figure {
  /** Name in the report and the verdict. */
  name: string
  title: string
  /** Unit of `figure`; `×` for a ratio to the baseline. */
  unit: string
  result: Spread
  goal?: Goal
  /** Measured values with units: Tutti, the bare server in the same run (baseline), and the floor. */
  ours?: string
  baseline?: string
  floor?: string
  /** Conditions of the measurement, shown in the report. */
  remarks: readonly string[]
}

export interface Spread {
  median: number
  min: number
  max: number
  count: number
}

export interface Goal {
  is: 'at most' | 'at least'
  value: number
}

/** A figure that could not be measured is NaN and misses its goal. */
export const isMet = ({ goal, result: { median } }: Pick<Figure, 'goal' | 'result'>): boolean =>
  goal === undefined || (goal.is === 'at most' ? median <= goal.value : median >= goal.value)

export interface Verdict {
  exitCode: 0 | 1
  /** One line for each figure that misses its goal. */
  lines: readonly string[]
}

/** Verdict of `npm run bench -- --check`: fails when a figure misses its goal or nothing was measured. */
export function judge(figures: readonly Figure[]): Verdict {
  const missed = figures.filter(figure => !isMet(figure))
  const lines = missed.map(({ name, title, goal, unit, result: { median } }) => {
    const found = Number.isNaN(median) ? 'could not be measured' : `is ${formatValue(median, unit)}`
    return `${name}: ${title} ${found}; the goal is ${goal?.is} ${formatValue(goal?.value ?? NaN, unit)}`
  })
  if (figures.length === 0) return { exitCode: 1, lines: ['nothing was measured'] }
  return { exitCode: missed.length === 0 ? 0 : 1, lines }
}

/** The value as a share of its goal: 1 is exactly the goal, less is better, also for `at least` goals. */
export function shareOfGoal(value: number, goal: Goal): number {
  return goal.is === 'at most' ? value / goal.value : goal.value / value
}

export const formatValue = (value: number, unit: string): string => {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 0.1 ? 2 : 4
  return `${value.toFixed(digits)} ${unit}`
}

export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { median: NaN, min: NaN, max: NaN, count: 0 }
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), count: values.length }
}

/** The mean of the two middle values for an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const [low = NaN, high = NaN] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return (low + high) / 2
}

/** The quantile of `share`, 0 to 1, by nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)] ?? NaN
}
