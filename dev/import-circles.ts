import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Imports of each file, as paths from the root. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>

/** Circles of imports, type imports included: each a path that ends where it begins, one for each group of files. */
export function importCircles(graph: ImportGraph): string[] {
  const finished = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file)
    if (start >= 0) circles.push([...path.slice(start), file].join(' -> '))
    if (start >= 0 || finished.has(file)) return
    for (const imported of graph.get(file) ?? []) visit(imported, [...path, file])
    finished.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return circles
}

/** The graph of some sources by their path from `root`; packages and files that do not exist are left out. */
export const importGraph = (root: string, sources: ReadonlyMap<string, string>): ImportGraph =>
  new Map([...sources].map(([file, source]) => [file, importsOf(root, file, source)]))

function importsOf(root: string, file: string, source: string): string[] {
  return [...source.matchAll(relativeImport)].flatMap(([, specifier = '']) => {
    const path = join(dirname(file), specifier.replace(/\.js$/, ''))
    return [`${path}.ts`, join(path, 'index.ts')].find(candidate => existsSync(join(root, candidate))) ?? []
  })
}

const relativeImport = /(?:from|import|require\()\s*\(?['"](\.[^'"\n]*)['"]/g
