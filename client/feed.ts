import { type CatchUp, isCatchUp, type Position } from './stream'
import { toProblem } from './problem'

export type Transport = 'socket' | 'sse' | 'long-poll'

/** One channel over one transport. What arrives goes to an ear; `lost` says that nothing will arrive until it is asked again. */
export interface Feed {
  readonly transport: Transport
  /** Follows after a place, or from now on; also again. @throws TuttiProblem */
  ask(after: Position | undefined): Promise<CatchUp>
  /** Resolves when the server knows, or cannot be told. */
  close(): Promise<unknown>
}

/** @throws TuttiProblem when it is none. */
export function toCatchUp(data: unknown): CatchUp {
  if (isCatchUp(data)) return data
  throw toProblem(data)
}

export const positionAsText = ({ epoch, offset }: Position): string => `${epoch}:${offset}`
