import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Options } from 'prettier'
import { asyncApi } from '../kernel/docs/asyncapi'
import { openApi } from '../kernel/docs/openapi'
import { type Product } from '../kernel/product'
import { product } from '../skills'
import { metricsFile } from './docs/metrics-file'
import { operationsFile } from './docs/operations-file'

/** Everything that is read off the code and committed: the text of each file by its path below `root`. */
export async function generatedFiles(root: string, listed: Product): Promise<Map<string, string>> {
  const style = JSON.parse(await readFile(join(root, '.prettierrc.json'), 'utf8')) as Options
  return new Map([
    ['docs/openapi.json', asText(openApi(listed))],
    ['docs/asyncapi.json', asText(asyncApi(listed))],
    ['docs/metrics.md', await metricsFile(style)],
    ['client/operations.ts', await operationsFile(listed, style)],
  ])
}

/** The paths below `root` of the files that are not there or not as generated. */
export async function driftedFiles(root: string, files: ReadonlyMap<string, string>): Promise<string[]> {
  const drifted: string[] = []
  for (const [path, text] of files) {
    const found = await readFile(join(root, path), 'utf8').catch(() => undefined)
    if (found !== text) drifted.push(path)
  }
  return drifted
}

const asText = (document: object): string => `${JSON.stringify(document, null, 2)}\n`

/** Writes the files that have drifted; with `--check` only names them, and fails when there are any. */
async function main(): Promise<void> {
  const root = resolve(dirname(__filename), '..', '..')
  const files = await generatedFiles(root, product)
  const drifted = await driftedFiles(root, files)
  const isCheck = process.argv.includes('--check')
  for (const path of drifted) {
    if (!isCheck) await writeFile(join(root, path), files.get(path) ?? '')
    process.stdout.write(isCheck ? `${path} has drifted: run \`npm run docs\`\n` : `wrote ${path}\n`)
  }
  process.exitCode = isCheck && drifted.length > 0 ? 1 : 0
}

if (require.main === module)
  main().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  })
