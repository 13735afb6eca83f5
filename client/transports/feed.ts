import { type CatchUp, isCatchUp, type Position } from '../channels/frames'
import { toProblem } from '../problem'

export type Transport = 'socket' | 'sse' | 'long-poll'

/** One channel over one transport. Messages go to a listener; after the message `lost` none arrives until `ask` is called again. */
export interface Feed {
  readonly transport: Transport
  /** Follows after a position, or from now on. May be called again. @throws TuttiProblem */
  read(after: Position | undefined): Promise<CatchUp>
  /** Resolves when the server has confirmed it or cannot be reached. */
  close(): Promise<unknown>
}

/** @throws TuttiProblem when the data is not a catch-up */
export function toCatchUp(data: unknown): CatchUp {
  if (isCatchUp(data)) return data
  throw toProblem(data)
}

export const formatPosition = ({ epoch, offset }: Position): string => `${epoch}:${offset}`
