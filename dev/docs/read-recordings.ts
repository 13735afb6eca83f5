import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a test sent or received: a call with its answer, or a message of the server. */
export interface Recording {
  kind: 'call' | 'message'
  name: string
  value: unknown
}

/** Reads what tests recorded with `RECORD_EXAMPLES=<folder>`, one recording per line. */
export async function readRecordings(folder: string): Promise<Recording[]> {
  const files = (await readdir(folder)).filter(file => file.endsWith('.jsonl')).sort()
  const texts = await Promise.all(files.map(file => readFile(join(folder, file), 'utf8')))
  return texts.flatMap(text =>
    text
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Recording),
  )
}
