import { randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Replaces a JSON file atomically. */
export async function writeRecord(path: string, record: object): Promise<void> {
  const draft = `${path}.${randomUUID()}.draft`
  try {
    await writeFile(draft, JSON.stringify(record))
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

export async function readRecord<T>(path: string, is: (value: unknown) => value is T): Promise<T> {
  const value: unknown = JSON.parse(await readFile(path, 'utf8'))
  if (!is(value)) throw new Error(`${path} was not written by the S3 stand-in`)
  return value
}

/** Reads all records of a folder; removes temporary files that a killed process left. */
export async function readRecords<T>(folder: string, is: (value: unknown) => value is T): Promise<T[]> {
  const records: T[] = []
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    if (name.endsWith('.draft')) await rm(path, { force: true })
    else records.push(await readRecord(path, is))
  }
  return records
}

/** Whether a value is an object with all these properties: enough to recognize our own files. */
export function hasProperties<K extends string>(value: unknown, names: readonly K[]): value is Record<K, unknown> {
  return typeof value === 'object' && value !== null && names.every(name => name in value)
}
