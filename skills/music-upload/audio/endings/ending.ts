import { type FileHandle } from 'node:fs/promises'

/** Whether the audio of a file is complete, as its bytes tell. */
export interface Ending {
  /** `unclear`: only decoding can tell, and it must yield the duration of the header exactly. */
  verdict: 'whole' | 'cut' | 'unclear'
  /** Offset of the end of the audio; other data may follow. */
  end: number
}

/** An open audio file, from behind its leading ID3v2 tags to its end. */
export interface Sounding {
  file: FileHandle
  from: number
  size: number
  signal: AbortSignal
}

/** Uses bounded memory for any file length, and never blocks the event loop for long. */
export type ReadEnding = (sounding: Sounding) => Promise<Ending>
