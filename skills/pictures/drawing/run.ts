import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Answer } from './answer'
import { drawPicture } from './draw-picture'
import { Rejection, Suspicion } from './rejection'

/** The program that draws one picture: `run <file> <folder>`. It writes what was drawn into the folder, and answers in JSON. */
void answer().then(said => process.stdout.write(JSON.stringify(said)))

async function answer(): Promise<Answer> {
  try {
    const [, , path = '', folder = ''] = process.argv
    const { files, color } = await drawPicture(await readFile(path))
    for (const [file, bytes] of Object.entries(files)) await writeFile(join(folder, file), bytes)
    return { color }
  } catch (error) {
    if (error instanceof Rejection) return { rejected: error.code }
    if (error instanceof Suspicion) return { suspected: error.code, why: short(error.message) }
    return { failed: short(error instanceof Error ? error.message : String(error)) }
  }
}

/** Decoders may quote the file. */
const short = (words: string): string => words.slice(0, 300)
