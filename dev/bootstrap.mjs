// The one file that runs before anything is installed: plain Node, no packages.
// `npm start`, `npm test` and the other verbs come through here, so that each works from a clean clone.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const oldestNode = [20, 19]
const stamp = 'node_modules/.tutti-installed'

const bin = name => `node_modules/${name}`
const tsc = bin('typescript-7/bin/tsc')
const build = [tsc, '-p', 'tsconfig.build.json']

/** What each verb runs, one after the other, in this Node. */
const verbs = {
  start: args => [build, ['dist/dev/start.js', ...args]],
  test: args => [[bin('jest/bin/jest.js'), ...args]],
  check: () => [
    [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'],
    [tsc, '--noEmit', '-p', 'tsconfig.json'],
    [bin('eslint/bin/eslint.js'), '.', '--max-warnings', '0'],
    build,
    ['dist/dev/architecture.js'],
    ['dist/dev/generate-docs.js', '--check'],
    ['dist/dev/build-client.js'],
  ],
  migrate: args => [build, ['dist/migrations/run.js', ...args]],
  docs: args => [build, ['dist/dev/generate-docs.js', ...args]],
  // Its nodes are made from sources in a moment, without a build.
  chaos: args => [['-r', './test/dev/processes-fixture/typescript.js', 'test/chaos/run.ts', ...args]],
  player: args => [['-r', './test/dev/processes-fixture/typescript.js', 'test/player/run.ts', ...args]],
  bench: args => [build, ['dist/bench/run.js', ...args]],
  token: args => [...(existsSync('dist/dev/token.js') ? [] : [build]), ['dist/dev/token.js', ...args]],
}

process.chdir(root)
// The AWS SDK would say at each start that its releases of 2027 want a newer Node.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
const [verb, ...args] = process.argv.slice(2)
if (!Object.hasOwn(verbs, verb)) fail(`There is no ${verb}: try ${Object.keys(verbs).join(', ')}.`)
refuseOldNode()
endWithParent()
await installMissing()
for (const step of verbs[verb](args)) {
  const note = setTimeout(() => step === build && process.stderr.write('  Compiling …\n'), 1_000)
  await run(process.execPath, step)
  clearTimeout(note)
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const isOld = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])
  if (isOld) fail(`Tutti needs Node ${oldestNode.join('.')} or newer; this is ${process.versions.node}.`)
}

/** A killed npm tells nobody: we notice that we, or the shell which npm put between, were given another parent. */
function endWithParent() {
  const before = ancestors()
  setInterval(() => ancestors() === before || process.exit(1), 1_000).unref()
}

function ancestors() {
  const parent = process.ppid
  // Where there is no /proc, the shell becomes its only command, and our parent is npm itself.
  const stat = `/proc/${parent}/stat`
  if (process.env.npm_lifecycle_event === undefined || !existsSync(stat)) return String(parent)
  return `${parent} of ${readFileSync(stat, 'utf8').split(') ').at(-1).split(' ')[1]}`
}

/** Installs exactly what the lock file says, when that has not been done for this very lock file. */
async function installMissing() {
  const wanted = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  process.stderr.write('Installing packages (half a minute, once) …\n')
  await run(process.platform === 'win32' ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(stamp, wanted)
}

/** Runs a command to its end; when it fails, so do we, with its code. Signals reach it and we wait for it. */
async function run(command, parameters) {
  // The channel lets our own programs see that we were killed, which no signal would tell them.
  const ends = [bin('jest/bin/jest.js'), 'test/chaos/run.ts']
  const isOurs = parameters.some(parameter => parameter.startsWith('dist/') || ends.includes(parameter))
  const stdio = ['inherit', 'inherit', 'inherit', ...(isOurs ? ['ipc'] : [])]
  const child = spawn(command, parameters, { stdio })
  const pass = signal => child.kill(signal)
  // Ctrl-C reaches the child by the terminal; SIGTERM only reaches us.
  const ignore = () => undefined
  process.on('SIGTERM', pass)
  process.on('SIGHUP', pass)
  process.on('SIGINT', ignore)
  const code = await new Promise(resolve => {
    child.on('error', () => resolve(127))
    child.on('exit', (exitCode, signal) => resolve(signal === null ? exitCode : 1))
  })
  process.off('SIGTERM', pass)
  process.off('SIGHUP', pass)
  process.off('SIGINT', ignore)
  if (code !== 0) process.exit(code)
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
