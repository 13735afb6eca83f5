/** How TypeScript becomes what Node runs, in tests and in the programs that tests start. */
module.exports = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true, explicitResourceManagement: true },
    transform: { legacyDecorator: true, useDefineForClassFields: false },
  },
  module: { type: 'commonjs' },
}
