import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'
import { importCircles, importGraph } from './import-circles'
import { tablesOfModels, writeOffences } from './table-writers'

/** Which rooms a room may import. `skills` has rules of its own below; what is not listed may import anything. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  models: ['models/'],
  media: ['media/'],
  migrations: ['migrations/'],
  kernel: ['kernel/'],
  server: ['server/', 'kernel/', 'migrations/', 'skills/index', 'docs/examples/'],
  realtime: ['realtime/', 'kernel/', 'skills/index'],
  client: ['client/'],
}

/** Single files that may do more than their room. */
export const exceptions: Readonly<Record<string, readonly string[]>> = {
  'kernel/platform/database.ts': ['models/'],
  'server/main.ts': ['realtime/'],
}

/** What a skill may use of another one: what it says, how its things look, who may do what. */
export const facesOfSkills: readonly string[] = ['events', 'views', 'rules']

/** The only places that touch a package. */
export const onlyUsedIn: Readonly<Record<string, readonly string[]>> = {
  joi: ['kernel/pipeline/schema.ts'],
  ioredis: ['kernel/platform/'],
  '@aws-sdk/': ['kernel/platform/'],
  jose: ['kernel/platform/'],
  'rate-limiter-flexible': ['kernel/platform/'],
  express: ['server/'],
  'socket.io': ['realtime/'],
  '@socket.io/redis-adapter': ['realtime/'],
  sharp: ['media/pictures/'],
  umzug: ['migrations/'],
}

/** Words that only some files may say. */
export const onlySaidIn: readonly { words: RegExp; what: string; files: readonly string[] }[] = [
  {
    words: /\.transaction\(|\.readOnly\(/,
    what: 'opens a transaction',
    files: ['kernel/platform/database.ts', 'kernel/pipeline/transact.ts', 'kernel/pipeline/execute.ts'],
  },
  {
    words: /Date\.now\(\)|new Date\(\)|performance\.now\(\)/,
    what: 'reads the time past the injected clock',
    // How late the loop is has to do with no time but the real one.
    files: ['kernel/platform/clock.ts', 'realtime/connection/event-loop-lag.ts'],
  },
  // That it ends is nothing that a client can say.
  {
    words: /\bsocket\.on\((?!'disconnect)/,
    what: 'listens to a socket past the one wrapper',
    files: ['realtime/calls/call-dispatcher.ts', 'client/transports/socket-connection.ts'],
  },
  // Workers read files that somebody sent, in a sandboxed tool; what serves calls never does.
  {
    words: /\b(storage\.download|downloadIncoming)\(/,
    what: 'downloads a sent file outside of a job',
    files: [
      'kernel/platform/incoming-files.ts',
      'skills/music-processing/make-download-copy.ts',
      'skills/music-processing/analyze-upload.ts',
      'skills/pictures/render-sent-picture.ts',
    ],
  },
  {
    words: /'node:child_process'/,
    what: 'starts a program past the one that confines it',
    files: ['media/run-tool.ts'],
  },
  { words: /process\.env\b/, what: 'reads the environment past the configuration', files: configurationFiles() },
]

function configurationFiles(): string[] {
  return ['kernel/platform/config.ts', 'migrations/run.ts']
}

const judgedRooms = [...Object.keys(mayImport), 'skills']

/** Every breach of the rules in the tree below `root`, one line each: the offender and what it does. */
export function offences(root: string): string[] {
  const models = tablesOfModels(root)
  const sources = new Map(
    judgedRooms
      .flatMap(room => filesBelow(join(root, room)))
      .map(path => [relative(root, path).split(sep).join(posix.sep), readFileSync(path, 'utf8')]),
  )
  const breaches = [...sources].flatMap(([file, source]) => [
    ...importOffences(file, source),
    ...wordOffences(file, source),
    ...(file.startsWith('migrations/') ? [] : writeOffences(file, source, models)),
  ])
  return [...breaches, ...importCircles(importGraph(root, sources)).map(circle => `circular import: ${circle}`)]
}

export function importOffences(file: string, source: string): string[] {
  return [...source.matchAll(importForm)].flatMap(([, specifier = '']) => {
    if (!specifier.startsWith('.')) return isPackageAllowed(file, specifier) ? [] : [`${file} uses ${specifier}`]
    const named = posix.join(posix.dirname(file), specifier)
    const target = named === 'skills' ? 'skills/index' : named
    return isAllowed(file, target) ? [] : [`${file} imports ${target}`]
  })
}

const importForm = /(?:from|import|require\()\s*\(?['"]([^'"\n]+)['"]/g

export const wordOffences = (file: string, source: string): string[] =>
  onlySaidIn
    .filter(({ words, files }) => words.test(withoutComments(source)) && !files.includes(file))
    .map(({ what }) => `${file} ${what}`)

const withoutComments = (source: string): string => source.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '')

function isAllowed(file: string, target: string): boolean {
  const room = file.split('/')[0] ?? ''
  if (exceptions[file]?.some(start => `${target}/`.startsWith(start))) return true
  if (room === 'skills') return isAllowedInSkill(file, target)
  return mayImport[room]?.some(start => `${target}/`.startsWith(start)) ?? true
}

function isAllowedInSkill(file: string, target: string): boolean {
  if (/^(kernel|models|media)(\/|$)/.test(target)) return true
  const [, own] = file.split('/')
  const [room, skill, face, ...deeper] = target.split('/')
  if (room !== 'skills') return false
  if (own === 'index.ts' || skill === own) return true
  return face !== undefined && facesOfSkills.includes(face) && deeper.length === 0
}

function isPackageAllowed(file: string, specifier: string): boolean {
  const rule = Object.keys(onlyUsedIn).find(name =>
    name.endsWith('/') ? specifier.startsWith(name) : specifier === name || specifier.startsWith(`${name}/`),
  )
  return rule === undefined || (onlyUsedIn[rule]?.some(start => file.startsWith(start)) ?? true)
}

function filesBelow(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true, recursive: true })
    return entries
      .filter(entry => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map(entry => join(entry.parentPath, entry.name))
  } catch {
    return []
  }
}

if (require.main === module) {
  const found = offences(resolve(dirname(__filename), '..', '..'))
  for (const offence of found) process.stderr.write(`${offence}\n`)
  process.exit(found.length === 0 ? 0 : 1)
}
