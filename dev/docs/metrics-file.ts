import { type Options } from 'prettier'
import * as markdown from 'prettier/plugins/markdown'
import { format } from 'prettier/standalone'
import { createMetrics } from '../../kernel/world/metrics'

interface Described {
  name: string
  help: string
  type: string
  labelNames: readonly string[]
}

/** `docs/metrics.md`: all that nodes and workers measure of their own, as a table. */
export function metricsFile(style: Options): Promise<string> {
  const found = createMetrics().registry.getMetricsAsArray() as unknown as readonly Described[]
  const ours = found
    .filter(({ name }) => !ofTheProcess.test(name))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
  const rows = ours.map(
    ({ name, type, labelNames, help }) => `| \`${name}\` | ${type} | ${labelNames.join(', ')} | ${help} |`,
  )
  const text = [
    '# Metrics',
    'What `/metrics` of every node and worker tells, for Prometheus. Made by `npm run docs` from `kernel/world/metrics.ts`. Besides, the',
    'process itself is measured (`tutti_process_…`, `tutti_nodejs_…`). When to be alarmed: [deployment](deployment.md#what-to-watch).',
    '',
    '| metric | kind | labels | what |',
    '| --- | --- | --- | --- |',
    ...rows,
  ]
  return format(text.join('\n'), { ...style, parser: 'markdown', plugins: [markdown] })
}

const ofTheProcess = /^tutti_(?:process|nodejs)_/
