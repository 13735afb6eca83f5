import { type Figure } from '../judge'
import { type Lab } from '../lab'

/** A benchmark scenario, one per file. */
export interface Scenario {
  /** Name for `--only`. */
  name: string
  /** The figures that `measure` must return; a missing one counts as not measured. */
  promises: readonly Promised[]
  measure(lab: Lab): Promise<readonly Measured[]>
}

export type Promised = Pick<Figure, 'name' | 'title' | 'unit' | 'goal'>
export type Measured = Omit<Figure, keyof Promised> & { name: string }

export const atMost = (value: number) => ({ is: 'at most', value }) as const
export const atLeast = (value: number) => ({ is: 'at least', value }) as const
