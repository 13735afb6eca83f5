// The set-up is TypeScript: this lets jest's own process load it.
require('./test/runner/typescript')

/** @type {import('jest').Config} */
module.exports = {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Test files run in the worker process itself, on modules that it loads once: see test/runner.
  testEnvironment: '<rootDir>/test/runner/environment.js',
  runtime: '<rootDir>/test/runner/runtime.js',
  transform: {},
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.tutti/'],
  setupFiles: ['<rootDir>/test/sources.ts'],
  globalSetup: '<rootDir>/test/global-setup.ts',
  globalTeardown: '<rootDir>/test/global-teardown.ts',
  testTimeout: 20_000,
  maxWorkers: 2,
  // Of its heap: the whole worker then stays below 1 GB.
  workerIdleMemoryLimit: '400MB',
}
