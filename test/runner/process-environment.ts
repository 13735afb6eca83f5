import { type JestEnvironment } from '@jest/environment'
import { ModuleMocker } from 'jest-mock'
import { processState } from './process-state'

/**
 * Runs a test file in the worker process itself, not in a sandbox of its own: modules are loaded once for all files.
 * What a file changes in the process (globals, variables, listeners) is put back when it ends.
 */
export class ProcessEnvironment implements JestEnvironment {
  readonly global = globalThis as JestEnvironment['global'] & typeof globalThis
  readonly moduleMocker = new ModuleMocker(globalThis)
  // Time in the tests is the injected clock: jest's own fake timers are not offered.
  readonly fakeTimers = null
  readonly fakeTimersModern = null
  readonly #restore: () => void

  constructor() {
    if (!endsWithParent) endWithParent()
    endsWithParent = true
    this.#restore = processState()
  }

  async setup(): Promise<void> {}

  async teardown(): Promise<void> {
    this.moduleMocker.restoreAllMocks()
    this.#restore()
  }

  exportConditions(): string[] {
    return ['node', 'node-addons']
  }

  getVmContext(): null {
    return null
  }
}

let endsWithParent = false

/** What jest-worker sends to a worker that has nothing left to do. */
const endOfWork = 2

function endWithParent(): void {
  // A worker whose jest is gone has nobody to tell its results.
  process.once('disconnect', () => process.exit(1))
  // `fetch` keeps its connections for some seconds, and jest waits half of one before it complains.
  process.on('message', message => {
    if (Array.isArray(message) && message[0] === endOfWork) process.exit(0)
  })
}

export default ProcessEnvironment
