import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Options } from 'prettier'
import { generateAsyncApi } from '../kernel/docs/asyncapi'
import { generateOpenApi } from '../kernel/docs/openapi'
import { type Examples } from '../kernel/docs/examples'
import { findExampleErrors } from '../kernel/docs/find-example-errors'
import { type Registry } from '../kernel/pipeline/registry'
import { registry } from '../skills'
import { examples as committed } from '../server/docs-pages/examples'
import { mergeRecordings } from './docs/merge-recordings'
import { readRecordings, type Recording } from './docs/read-recordings'
import { recordTests } from './docs/record-tests'
import { renderMetricsFile } from './docs/render-metrics-file'
import { renderOperationsFile } from './docs/render-operations-file'

/** The generated files that are committed, as a map from path below `root` to text. */
export async function generateDocs(root: string, registry: Registry, examples: Examples): Promise<Map<string, string>> {
  const style = JSON.parse(await readFile(join(root, '.prettierrc.json'), 'utf8')) as Options
  const { operations, ...live } = examples
  return new Map([
    ['docs/examples/operations.json', toJson(operations)],
    ['docs/examples/live.json', toJson(live)],
    ['docs/openapi.json', toJson(generateOpenApi(registry, examples))],
    ['docs/asyncapi.json', toJson(generateAsyncApi(registry, examples))],
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

/**
 * Writes the files that are out of date; with `--check` it only lists them and exits with code 1 if there are any, or if an
 * example is missing or wrong. `--record <tests>` records examples from these tests first; by default from all that have some.
 */
async function main(): Promise<void> {
  const root = resolve(dirname(__filename), '..', '..')
  const isCheck = process.argv.includes('--check')
  const examples = mergeRecordings(registry, committed, await recordingsFor(root, process.argv.slice(2)))
  const files = await generateDocs(root, registry, examples)
  const outdated = await findOutdatedFiles(root, files)
  for (const path of outdated) {
    if (!isCheck) await writeFile(join(root, path), files.get(path) ?? '')
    process.stdout.write(isCheck ? `${path} is out of date: run \`npm run docs\`\n` : `wrote ${path}\n`)
  }
  const errors = findExampleErrors(registry, isCheck ? committed : examples)
  for (const error of errors) process.stdout.write(`${error}\n`)
  process.exitCode = isCheck && outdated.length + errors.length > 0 ? 1 : 0
}

/** From the tests after `--record`, or from the folder `RECORD_EXAMPLES`, to which earlier tests recorded. */
async function recordingsFor(root: string, [option, ...tests]: readonly string[]): Promise<Recording[]> {
  const folder = process.env.RECORD_EXAMPLES
  if (option === '--record') return recordTests(root, tests.length > 0 ? tests : recordedTests)
  return folder === undefined ? [] : readRecordings(folder)
}

const recordedTests = ['test/skills', 'test/realtime', 'test/server/drain.test.ts']

if (require.main === module)
  main().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  })
