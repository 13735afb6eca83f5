import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { buildClient } from '../../dev/build-client'
import { createTestApp, type TestApp } from '../test-app'

const root = resolve(__dirname, '..', '..')
const run = promisify(execFile)

let folder: string
let gzippedBytes: number
let testApp: TestApp
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-client-'))
  const modules = join(folder, 'node_modules')
  gzippedBytes = await buildClient(root, join(modules, 'tutti-client'))
  await symlink(join(root, 'node_modules', 'socket.io-client'), join(modules, 'socket.io-client'))
  testApp = await createTestApp({ nodes: 1 })
}, 60_000)
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** The first calls of an application, and its shutdown. */
const application = (load: string) => `
  ${load}
  const [url, token] = process.argv.slice(2)
  const main = async () => {
    const tutti = createClient({ url, token })
    const me = await tutti.call('user-profile.getMe', {})
    const subscription = await tutti.follow('user:' + me.id, () => undefined)
    const problem = await tutti.call('tracks.getTrack', { trackId: me.id }).catch(error => error)
    console.log(JSON.stringify([tutti.transport(), problem instanceof TuttiProblem, problem.code]))
    await subscription.unfollow()
    await tutti.close()
  }
  void main()`

it.each([
  ['a module', 'app.mjs', `import { createClient, TuttiProblem } from 'tutti-client'`],
  ['CommonJS', 'app.cjs', `const { createClient, TuttiProblem } = require('tutti-client')`],
])('works as %s in plain Node, and lets the process exit', async (_kind, file, load) => {
  await writeFile(join(folder, file), application(load))
  const { url, token } = await testApp.signIn(file)
  const { stdout } = await run(process.execPath, [join(folder, file), url, token], { timeout: 15_000 })
  expect(JSON.parse(stdout)).toEqual(['socket', true, 'not_found'])
})

const consumer = `
  import { createClient, type SnapshotOf, type TuttiEvent } from 'tutti-client'

  const tutti = createClient({ url: 'https://api.example.org', token: async () => 'x', transports: ['socket', 'sse'] })
  export async function show(trackId: string): Promise<number> {
    const track = await tutti.call('tracks.getTrack', { trackId })
    await tutti.follow(\`track:\${trackId}\`, {
      snapshot: true,
      onEvent: (event: TuttiEvent) => event.name === 'interactions.commentAdded' && event.data.comment.body.length,
      onSnapshot: (whole: SnapshotOf<'track:'>) => whole.counts.likes,
      onState: ({ counts }) => counts?.reposts,
    })
    for await (const { name } of tutti.events('user:' + trackId)) if (name === 'user-profile.profileFollowed') break
    await tutti.signal(\`track:\${trackId}\`, 'interactions.typing')
    const file = { fileName: 'a.flac', contentType: 'audio/flac' } as const
    const onProgress = (sentBytes: number, totalBytes: number) => sentBytes / totalBytes
    const { signal } = new AbortController()
    await tutti.upload(new Uint8Array(9), { ...file, title: 'A' }, { onProgress, signal, keepOnFailure: true })
    const { state, replacesAudio } = await tutti.replaceAudio(trackId, new Blob(['x']), file, { onProgress, signal })
    await tutti.uploadPicture(
      new Blob([state, String(replacesAudio)]),
      { purpose: 'avatar', fileName: 'a.png', contentType: 'image/png' },
      { onProgress, signal },
    )
    // @ts-expect-error -- a replacement keeps the title of the track
    await tutti.replaceAudio(trackId, new Blob(['x']), { ...file, title: 'B' })
    // @ts-expect-error -- no such field
    return track.counts.love
  }
`

it.each([
  ['in a browser', 'browser.mts', { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022', 'dom'] }],
  ['as a module of Node', 'node.mts', { module: 'nodenext', lib: ['es2022'], types: ['node'] }],
  ['as CommonJS of Node', 'node.cts', { module: 'nodenext', lib: ['es2022'], types: ['node'] }],
])('has types %s', async (_where, file, options) => {
  const config = join(folder, `${file}.json`)
  const compilerOptions = {
    ...{ strict: true, noEmit: true, target: 'es2022', types: [], verbatimModuleSyntax: false },
    ...{ typeRoots: [join(root, 'node_modules', '@types')], ...options },
  }
  await writeFile(join(folder, file), consumer)
  await writeFile(config, JSON.stringify({ compilerOptions, files: [file] }))
  const compiler = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc')
  const { stdout } = await run(process.execPath, [compiler, '-p', config]).catch(
    (error: unknown) => error as { stdout: string },
  )
  expect(stdout).toBe('')
})

it('is at most 12 kB, and contains no server code', async () => {
  const source = await readFile(join(folder, 'node_modules', 'tutti-client', 'index.mjs'), 'utf8')
  const files = [...source.matchAll(/^\/\/ (\S+\.ts)$/gm)].map(([, file = '']) => file)
  expect(files).toContain('client/create-client.ts')
  expect(files.filter(file => !file.startsWith('client/'))).toEqual([])
  expect([...source.matchAll(/from "(.+)"/g)].map(([, name]) => name)).toEqual(['socket.io-client'])
  expect(gzippedBytes).toBeGreaterThan(1_000)
  expect(gzippedBytes).toBeLessThanOrEqual(12_000)
})
