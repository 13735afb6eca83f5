import { join } from 'node:path'

// Programs of ours that a test starts are run from their sources, as the test is.
process.execArgv = ['-r', join(__dirname, 'dev', 'processes-fixture', 'typescript.js')]
