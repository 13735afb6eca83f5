// Lets `require` load TypeScript: `node -r ./test/runner/typescript.js file.ts`. Compiled files are kept, so that
// a source which has not changed costs a read: swc itself is loaded only when one has.
const { createHash } = require('node:crypto')
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs')
const { join, relative, sep } = require('node:path')
const options = require('./swc-options')

const root = join(__dirname, '..', '..')
const folder = join(root, 'node_modules', '.cache', 'tutti-tests')
const salt = JSON.stringify([options, require('@swc/core/package.json').version])
/** Source file to source map, of what this process has loaded. */
const sourceMaps = new Map()
/** A change of one source that is compiled in place of the file's own text. */
let mutation

/** @returns the JavaScript of a source file, from the cache when it holds that of this very text. */
function compile(filename) {
  const source = readFileSync(filename, 'utf8')
  if (mutation !== undefined && filename === join(root, mutation.file)) return transform(filename, mutate(source)).code
  const target = join(folder, `${relative(root, filename).split(sep).join('+')}.js`)
  const stamp = `//${createHash('sha1').update(salt).update(source).digest('hex')}\n`
  sourceMaps.set(filename, `${target}.map`)
  const kept = read(target)
  if (kept?.startsWith(stamp)) return kept.slice(stamp.length)
  const { code, map } = transform(filename, source)
  mkdirSync(folder, { recursive: true })
  write(`${target}.map`, map)
  write(target, stamp + code)
  return code
}

function transform(filename, source) {
  const { transformSync } = require('@swc/core')
  return transformSync(source, { ...options, swcrc: false, filename, sourceMaps: true })
}

const mutate = source => mutation.edits.reduce((text, [find, put]) => text.replace(find, () => put), source)

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Several processes may compile the same file: each writes its own and moves it into place. */
function write(file, text) {
  writeFileSync(`${file}.${process.pid}`, text)
  renameSync(`${file}.${process.pid}`, file)
}

require.extensions['.ts'] = (module, filename) => module._compile(compile(filename), filename)

module.exports = {
  sourceMaps,
  setMutation: wanted => (mutation = wanted),
}
