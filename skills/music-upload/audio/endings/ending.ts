import { type FileHandle } from 'node:fs/promises'

/** How a file ends, as its own bytes tell. */
export interface Ending {
  /** `unclear`: listening has to tell, and what its header promises must come out of it to the last bit. */
  verdict: 'whole' | 'cut' | 'unclear'
  /** Where it ends to be what it is: other things may be behind. */
  end: number
}

/** An opened file, without the tags in front that any format may carry. */
export interface Sounding {
  file: FileHandle
  from: number
  size: number
  signal: AbortSignal
}

/** Reads with bounded memory, however long the file is, and never blocks for long. */
export type ReadEnding = (sounding: Sounding) => Promise<Ending>
