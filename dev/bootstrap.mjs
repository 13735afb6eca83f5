// The one file that runs before anything is installed: plain Node, no packages.
// `npm start`, `npm test` and the other verbs come through here, so that each works from a clean clone.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const oldestNode = [20, 19]
const stamp = 'node_modules/.tutti-installed'
/** Held during an installation; outside the folders that an installation removes. */
const installing = '.tutti/installing'
const caches = 'node_modules/.cache/tutti-check'

const bin = name => `node_modules/${name}`
const tsc = bin('typescript-7/bin/tsc')
const build = [tsc, '-p', 'tsconfig.build.json']

/** By the text of each file: one that has not changed is not parsed again. */
const keepVerdicts = ['--cache', '--cache-strategy', 'content', '--cache-location', `${caches}/prettier`]

/** What each verb runs, one after the other, in this Node. Lists in one `together` run at the same time. */
const verbs = {
  start: args => [build, ['dist/dev/start.js', ...args]],
  test: args => [[bin('jest/bin/jest.js'), ...args]],
  check: () => [
    {
      together: [
        [[bin('eslint/bin/eslint.js'), '.', '--max-warnings', '0']],
        [
          [tsc, '--noEmit', '-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', `${caches}/tsbuildinfo`],
          // Its types were just checked, with those of the tests.
          [...build, '--noCheck'],
          ['dist/dev/architecture.js'],
          ['dist/dev/generate-docs.js', '--check'],
          ['dist/dev/build-client.js'],
          [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', ...keepVerdicts, '.'],
        ],
      ],
    },
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
  const code = await (step.together === undefined ? run(process.execPath, step) : runTogether(step.together))
  clearTimeout(note)
  if (code !== 0) process.exit(code)
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
  const isInstalled = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
  if (isInstalled()) return
  const release = await lockInstallation()
  // The previous holder of the lock may have installed it.
  if (!isInstalled()) {
    process.stderr.write('Installing packages (half a minute, once) …\n')
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
    const code = await run(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
    if (code !== 0) process.exit(code)
    writeFileSync(stamp, wanted)
  }
  release()
}

/** Waits while another command installs into this folder. Its lock counts as long as it lives and keeps touching it. */
async function lockInstallation() {
  mkdirSync('.tutti', { recursive: true })
  for (let isTold = false; !createLock(); isTold = true) {
    if (!isTold) process.stderr.write('Waiting for another command that installs packages …\n')
    await pause(200)
  }
  const touch = setInterval(() => utimesSync(installing, new Date(), new Date()), 1_000)
  const release = () => rmSync(installing, { force: true })
  process.on('exit', release)
  return () => {
    clearInterval(touch)
    process.off('exit', release)
    release()
  }
}

function createLock() {
  try {
    writeFileSync(installing, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if (isStale()) rmSync(installing, { force: true })
    return false
  }
}

function isStale() {
  try {
    const isUntouched = Date.now() - statSync(installing).mtimeMs > 60_000
    const pid = Number(readFileSync(installing, 'utf8'))
    if (pid > 0) process.kill(pid, 0)
    return isUntouched
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

/** Runs lists of steps side by side, each up to its first failure. The output of a step is shown when it ends, in one piece. */
async function runTogether(lists) {
  const codes = await Promise.all(
    lists.map(async steps => {
      for (const step of steps) {
        const code = await run(process.execPath, step, { isHeld: true })
        if (code !== 0) process.stderr.write(`failed: ${step.slice(0, 2).join(' ')}\n`)
        if (code !== 0) return code
      }
      return 0
    }),
  )
  return codes.find(code => code !== 0) ?? 0
}

/** Runs a command to its end and returns its code. Signals reach it and we wait for it. */
async function run(command, parameters, { isHeld = false } = {}) {
  // The channel lets our own programs see that we were killed, which no signal would tell them.
  const ends = [bin('jest/bin/jest.js'), 'test/chaos/run.ts']
  const isOurs = parameters.some(parameter => parameter.startsWith('dist/') || ends.includes(parameter))
  const output = isHeld ? 'pipe' : 'inherit'
  const stdio = ['inherit', output, output, ...(isOurs ? ['ipc'] : [])]
  const env = isHeld && process.stdout.isTTY ? { FORCE_COLOR: '1', ...process.env } : process.env
  const child = spawn(command, parameters, { stdio, env })
  const held = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => held.push(chunk))
  const pass = signal => child.kill(signal)
  // Ctrl-C reaches the child by the terminal; SIGTERM only reaches us.
  const ignore = () => undefined
  process.on('SIGTERM', pass)
  process.on('SIGHUP', pass)
  process.on('SIGINT', ignore)
  const code = await new Promise(resolve => {
    child.on('error', () => resolve(127))
    child.on(isHeld ? 'close' : 'exit', (exitCode, signal) => resolve(signal === null ? exitCode : 1))
  })
  process.stdout.write(Buffer.concat(held))
  process.off('SIGTERM', pass)
  process.off('SIGHUP', pass)
  process.off('SIGINT', ignore)
  return code
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
