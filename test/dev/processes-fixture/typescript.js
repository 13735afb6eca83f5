// For `node -r`: runs the TypeScript sources, compiled as the tests are.
require('../../runner/typescript')
