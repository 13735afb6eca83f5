import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createTemporaryFolder } from './dev/processes-fixture/create-temporary-folder'

interface Mutation {
  /** The rule that is removed. */
  name: string
  file: string
  /** Text that occurs exactly once, and its replacement. */
  edits: readonly (readonly [find: string, put: string])[]
  /** The test that must fail. */
  fails: string
}

const mutations: readonly Mutation[] = [
  {
    name: 'gap check of the hub',
    file: 'realtime/log/channel-tracker.ts',
    edits: [["    if (first.offset !== this.lastOffset + 1) return 'gap'\n", '']],
    fails: 'fills a gap before it delivers later events',
  },
  {
    name: 'duplicate rule of the hub',
    file: 'realtime/log/channel-tracker.ts',
    edits: [
      ['events.filter(({ offset }) => offset > this.lastOffset)', 'events'],
      ['first.offset !== this.lastOffset + 1', 'first.offset > this.lastOffset + 1'],
    ],
    fails: 'delivers nothing twice, however events are repeated and split',
  },
  {
    name: 'join before read',
    file: 'realtime/calls/follow-calls.ts',
    edits: [
      ['    await socket.join([...joining])\n', ''],
      [
        '    const caughtUp = await Promise.all(requests.map(tryToCatchUp))\n',
        '    const caughtUp = await Promise.all(requests.map(tryToCatchUp))\n    await socket.join([...joining])\n',
      ],
    ],
    fails: 'joins the room before it reads the log, so that events in between are delivered',
  },
  {
    name: 'listen before position',
    file: 'realtime/log/hub.ts',
    edits: [
      ['    await this.redis.subscribe(channel)\n', '    const position = await this.log.readPosition(channel)\n'],
      [
        '    entry.tracker.startAfter(await this.log.readPosition(channel))\n',
        '    await this.redis.subscribe(channel)\n    entry.tracker.startAfter(position)\n',
      ],
    ],
    fails: 'subscribes before it reads the position of a channel',
  },
  {
    name: 'gap rule of the cache',
    file: 'kernel/events/channel-cache.ts',
    edits: [['if first > top + 1 then return top end\n', '']],
    fails: 'rejects events that do not continue it',
  },
  {
    name: 'duplicate rule of the cache',
    file: 'kernel/events/channel-cache.ts',
    edits: [['for n = top - first + 2, count do', 'for n = 1, count do']],
    fails: 'appends nothing twice, although two relays overlap',
  },
  {
    name: 'gap check of the client',
    file: 'client/channels/sequence.ts',
    edits: [['      if (event.offset > next) return false\n', '']],
    fails: 'delivers no event after a gap until it is filled',
  },
  {
    name: 'duplicate rule of the client',
    file: 'client/channels/sequence.ts',
    edits: [['      if (event.offset < next) continue\n', '']],
    fails: 'delivers nothing twice',
  },
]

const root = join(__dirname, '..')

it.each(mutations)('finds the code of the $name exactly once', async ({ file, edits }) => {
  const source = await readFile(join(root, file), 'utf8')
  for (const [find] of edits) expect({ find, times: source.split(find).length - 1 }).toEqual({ find, times: 1 })
})

describe('a test fails without one of the rules that the delivery guarantee rests on:', () => {
  let runs: readonly Run[] = []
  beforeAll(async () => {
    runs = await runAll()
  }, 120_000)
  const runOf = (name: string) => runs.find(({ project }) => project === name)

  it('no test fails with all of them', () => {
    expect(runOf(untouched)).toMatchObject({ failed: [] })
    expect(runOf(untouched)?.passed).toEqual(expect.arrayContaining(mutations.map(({ fails }) => fails)))
  })

  it.each(mutations)('$name', ({ name, fails }) => {
    const run = runOf(name)
    expect(run?.broken).toBeUndefined()
    const failed = run?.failed.find(({ title }) => title === fails)
    // It must fail by an assertion, not because it could not run.
    expect(failed?.message).toMatch(/expect\(.*received.*\)/)
  })
})

interface Run {
  project: string
  passed: readonly string[]
  failed: readonly { title: string; message: string }[]
  broken?: string
}

const untouched = 'untouched'

/** Runs the same tests once per mutation, in one jest, on the services of this test run. */
async function runAll(): Promise<Run[]> {
  await using folder = await createTemporaryFolder()
  const file = join(folder.path, 'runs.json')
  const project = (name: string, mutation?: Mutation) => ({
    displayName: name,
    rootDir: root,
    testMatch: ['<rootDir>/test/realtime/guarantees.test.ts'],
    testEnvironment: '<rootDir>/test/runner/environment.js',
    testEnvironmentOptions: { mutation },
    runtime: '<rootDir>/test/runner/runtime.js',
    transform: {},
    modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.tutti/'],
  })
  const config = {
    rootDir: root,
    maxWorkers: 2,
    testTimeout: 20_000,
    reporters: [['<rootDir>/test/mutations/reporter.js', { file }]],
    projects: [project(untouched), ...mutations.map(mutation => project(mutation.name, mutation))],
  }
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js')
  // It exits with a failure as intended: only the reported results count.
  await promisify(execFile)(process.execPath, [jest, '--forceExit', '--config', JSON.stringify(config)], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  }).catch(() => undefined)
  return JSON.parse(await readFile(file, 'utf8')) as Run[]
}
