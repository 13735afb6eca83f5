// Compiles as every test is compiled, after one place of one source file was changed.
const { createTransformer } = require('@swc/jest')

module.exports = {
  createTransformer({ swc, mutation }) {
    const transformer = createTransformer(swc)
    const mutate = (source, file) =>
      mutation && file.endsWith(mutation.file)
        ? mutation.edits.reduce((text, [find, put]) => text.replace(find, () => put), source)
        : source
    return {
      canInstrument: false,
      process: (source, file, options) => transformer.process(mutate(source, file), file, options),
      getCacheKey: (source, file, options) => transformer.getCacheKey(mutate(source, file), file, options),
    }
  },
}
