const { writeFileSync } = require('node:fs')

/** Writes down what failed in which project, and with which words. */
module.exports = class {
  constructor(_config, { file }) {
    this.file = file
  }

  onRunComplete(_contexts, { testResults }) {
    const runs = testResults.map(({ displayName, testResults: tests, testExecError }) => ({
      project: displayName.name,
      passed: tests.filter(({ status }) => status === 'passed').map(({ title }) => title),
      failed: tests
        .filter(({ status }) => status === 'failed')
        .map(({ title, failureMessages }) => ({ title, message: failureMessages.join('\n') })),
      broken: testExecError?.message,
    }))
    writeFileSync(this.file, JSON.stringify(runs))
  }
}
