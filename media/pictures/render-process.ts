import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RenderResult } from './render-result'
import { renderPicture } from './render-picture'
import { Rejection, SuspectedRejection } from './rejection'

/**
 * Entry point of the rendering process: `render-process <file> <folder>`. Writes the rendered files into the folder and its
 * result to stdout as JSON.
 */
void answer().then(result => process.stdout.write(JSON.stringify(result)))

async function answer(): Promise<RenderResult> {
  try {
    const [, , path = '', folder = ''] = process.argv
    const { files, color } = await renderPicture(await readFile(path))
    for (const [file, bytes] of Object.entries(files)) await writeFile(join(folder, file), bytes)
    return { color }
  } catch (error) {
    if (error instanceof Rejection) return { rejected: error.code }
    if (error instanceof SuspectedRejection) return { suspected: error.code, why: short(error.message) }
    return { failed: short(error instanceof Error ? error.message : String(error)) }
  }
}

/** Truncate: decoders may quote the file. */
const short = (words: string): string => words.slice(0, 300)
