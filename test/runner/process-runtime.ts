import { createRequire } from 'node:module'
import { join, sep } from 'node:path'
import { type JestEnvironment } from '@jest/environment'
import { type Config } from '@jest/types'
import { type Mutation, setMutation, sourceMaps } from './typescript'

const runner = __dirname + sep
const timeout = Symbol.for('TEST_TIMEOUT_SYMBOL')
const eventHandlers = Symbol.for('EVENT_HANDLERS')

/**
 * What jest loads a test file with. Jest's own gives every file its own copy of every module, which takes longer than
 * most files' tests; this one is Node's `require`: a worker loads the product and its packages once, and only what lies
 * in `test/` anew for each file. There is no `jest.mock`.
 */
export default class ProcessRuntime {
  readonly #environment: JestEnvironment

  constructor({ id, rootDir, testEnvironmentOptions }: Config.ProjectConfig, environment: JestEnvironment) {
    this.#environment = environment
    // Projects differ by the mutation that they compile with.
    forget(join(rootDir, loadedBy === id ? 'test' : '.'), join(rootDir, 'node_modules'))
    loadedBy = id
    setMutation(testEnvironmentOptions.mutation as Mutation | undefined)
    const { moduleMocker } = environment
    if (moduleMocker === null) throw new Error('the environment has no mocks')
    const jest = {
      fn: moduleMocker.fn.bind(moduleMocker),
      spyOn: moduleMocker.spyOn.bind(moduleMocker),
      restoreAllMocks: moduleMocker.restoreAllMocks.bind(moduleMocker),
      setTimeout: (ms: number) => Reflect.set(globalThis, timeout, ms),
    }
    Object.assign(globalThis, { jest })
  }

  requireModule(path: string): unknown {
    return createRequire(path)(path) as unknown
  }

  /** Jest's test framework keeps the tests of a file in its module: it is loaded anew for each. */
  requireInternalModule(path: string): unknown {
    Reflect.deleteProperty(require.cache, path)
    Reflect.deleteProperty(globalThis, eventHandlers)
    return createRequire(path)(path) as unknown
  }

  unstable_shouldLoadAsEsm(): boolean {
    return false
  }

  setGlobalsForRuntime(): void {}

  getSourceMaps(): Map<string, string> {
    return sourceMaps
  }

  getAllCoverageInfoCopy(): undefined {
    return undefined
  }

  enterTestCode(): void {}

  leaveTestCode(): void {}

  restoreAllMocks(): void {
    this.#environment.moduleMocker?.restoreAllMocks()
  }

  teardown(): void {}
}

/** The project whose sources are loaded in this process. */
let loadedBy: string | undefined

/** Drops what was loaded from a folder, so that the next `require` loads it again. Packages and the runner stay. */
function forget(folder: string, packages: string): void {
  for (const file of Object.keys(require.cache)) {
    const stays = file.startsWith(packages + sep) || file.startsWith(runner)
    if (file.startsWith(folder + sep) && !stays) Reflect.deleteProperty(require.cache, file)
  }
}
