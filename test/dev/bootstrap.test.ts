import { execFile, spawnSync } from 'node:child_process'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { createTemporaryFolder } from './processes-fixture/create-temporary-folder'

/** A checkout in which nothing is installed, with an npm that writes down that it was called and takes a moment. */
let checkout: Awaited<ReturnType<typeof createTemporaryFolder>>
beforeEach(async () => {
  checkout = await createTemporaryFolder()
  for (const folder of ['bin', 'dev', 'dist/dev']) await mkdir(join(checkout.path, folder), { recursive: true })
  await copyFile(join(__dirname, '..', '..', 'dev', 'bootstrap.mjs'), join(checkout.path, 'dev', 'bootstrap.mjs'))
  await writeFile(join(checkout.path, 'package-lock.json'), '{}')
  await writeFile(join(checkout.path, 'dist', 'dev', 'token.js'), "console.log('a token')")
  const npm = '#!/bin/sh\necho "$1" >> calls\nmkdir node_modules && sleep 0.5\n'
  await writeFile(join(checkout.path, 'bin', 'npm'), npm, { mode: 0o755 })
})
afterEach(() => checkout[Symbol.asyncDispose]())

const runToken = () =>
  promisify(execFile)(process.execPath, ['dev/bootstrap.mjs', 'token'], {
    cwd: checkout.path,
    env: { ...process.env, PATH: [join(checkout.path, 'bin'), process.env.PATH].join(delimiter) },
  })
const calls = () => readFile(join(checkout.path, 'calls'), 'utf8')

it('two commands that start at once in a fresh clone install its packages once', async () => {
  const results = await Promise.all([runToken(), runToken()])
  expect(results.map(({ stdout }) => stdout)).toEqual(['a token\n', 'a token\n'])
  expect(await calls()).toBe('ci\n')
})

it('the lock of a command that was killed while it installed is ignored', async () => {
  const { pid } = spawnSync('true')
  await mkdir(join(checkout.path, '.tutti'))
  await writeFile(join(checkout.path, '.tutti', 'installing'), String(pid))
  expect((await runToken()).stdout).toBe('a token\n')
  expect(await calls()).toBe('ci\n')
})

it('when an installation fails, the command that waits for it tries itself', async () => {
  await mkdir(join(checkout.path, 'node_modules'))
  const results = await Promise.allSettled([runToken(), runToken()])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await calls()).toBe('ci\nci\n')
})
