// For `node -r`: runs the TypeScript sources, compiled with jest's options.
const { readFileSync } = require('node:fs')
const { transformSync } = require('@swc/core')
const [, options] = Object.values(require('../../../jest.config.js').transform)[0]

require.extensions['.ts'] = (module, filename) => {
  module._compile(transformSync(readFileSync(filename, 'utf8'), { ...options, swcrc: false, filename }).code, filename)
}
