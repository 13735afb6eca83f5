import { type Figure } from '../judge'
import { type Lab } from '../lab'

/** One file each: what is measured, and against what. */
export interface Scenario {
  /** As `--only` knows it. */
  name: string
  /** The figures that it is responsible for: what is missing in the end could not be measured. */
  promises: readonly Promised[]
  measure(lab: Lab): Promise<readonly Measured[]>
}

export type Promised = Pick<Figure, 'name' | 'title' | 'unit' | 'goal'>
export type Measured = Omit<Figure, keyof Promised> & { name: string }

export const atMost = (value: number) => ({ is: 'at most', value }) as const
export const atLeast = (value: number) => ({ is: 'at least', value }) as const
