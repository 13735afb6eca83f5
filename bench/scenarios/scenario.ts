import { type Figure } from '../judge'
import { type TestBench } from '../test-bench'

/** A benchmark scenario, one per file. */
export interface Scenario {
  /** Name for `--only`. */
  name: string
  /** The figures that `measure` must return; a missing one counts as not measured. */
  figures: readonly FigureDeclaration[]
  measure(lab: TestBench): Promise<readonly MeasuredFigure[]>
}

export type FigureDeclaration = Pick<Figure, 'name' | 'title' | 'unit' | 'goal'>
export type MeasuredFigure = Omit<Figure, keyof FigureDeclaration> & { name: string }

export const atMost = (value: number) => ({ is: 'at most', value }) as const
export const atLeast = (value: number) => ({ is: 'at least', value }) as const
