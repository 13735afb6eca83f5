// Jest loads this before anything of ours: it cannot be TypeScript itself.
require('./typescript')
module.exports = require('./process-runtime')
