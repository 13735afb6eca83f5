import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Options } from 'prettier'
import { generateAsyncApi } from '../kernel/docs/asyncapi'
import { generateOpenApi } from '../kernel/docs/openapi'
import { type Registry } from '../kernel/pipeline/registry'
import { registry } from '../skills'
import { renderMetricsFile } from './docs/render-metrics-file'
import { renderOperationsFile } from './docs/render-operations-file'

/** The generated files that are committed, as a map from path below `root` to text. */
export async function generateDocs(root: string, registry: Registry): Promise<Map<string, string>> {
  const style = JSON.parse(await readFile(join(root, '.prettierrc.json'), 'utf8')) as Options
  return new Map([
    ['docs/openapi.json', toJson(generateOpenApi(registry))],
    ['docs/asyncapi.json', toJson(generateAsyncApi(registry))],
    ['docs/metrics.md', await renderMetricsFile(style)],
    ['client/operations.ts', await renderOperationsFile(registry, style)],
  ])
}

/** The paths below `root` of files that are missing or differ from the generated text. */
export async function findOutdatedFiles(root: string, files: ReadonlyMap<string, string>): Promise<string[]> {
  const outdated: string[] = []
  for (const [path, text] of files) {
    const found = await readFile(join(root, path), 'utf8').catch(() => undefined)
    if (found !== text) outdated.push(path)
  }
  return outdated
}

const toJson = (document: object): string => `${JSON.stringify(document, null, 2)}\n`

/** Writes the files that are out of date; with `--check` it only lists them and exits with code 1 if there are any. */
async function main(): Promise<void> {
  const root = resolve(dirname(__filename), '..', '..')
  const files = await generateDocs(root, registry)
  const outdated = await findOutdatedFiles(root, files)
  const isCheck = process.argv.includes('--check')
  for (const path of outdated) {
    if (!isCheck) await writeFile(join(root, path), files.get(path) ?? '')
    process.stdout.write(isCheck ? `${path} is out of date: run \`npm run docs\`\n` : `wrote ${path}\n`)
  }
  process.exitCode = isCheck && outdated.length > 0 ? 1 : 0
}

if (require.main === module)
  main().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  })
