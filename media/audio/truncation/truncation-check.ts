import { type FileHandle } from 'node:fs/promises'

/** Whether the audio of a file is complete, as its bytes tell. */
export interface TruncationResult {
  /** `unclear`: only decoding can tell, and it must yield the duration of the header exactly. */
  verdict: 'whole' | 'cut' | 'unclear'
  /** Offset of the end of the audio; other data may follow. */
  audioEnd: number
}

/** An open audio file, from behind its leading ID3v2 tags to its end. */
export interface OpenAudioFile {
  file: FileHandle
  from: number
  size: number
  signal: AbortSignal
}

/** Uses bounded memory for any file length, and never blocks the event loop for long. */
export type TruncationCheck = (sounding: OpenAudioFile) => Promise<TruncationResult>
