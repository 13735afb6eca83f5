import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readRecordings, type Recording } from './read-recordings'

/**
 * Runs tests and returns what they sent and received. A test that fails does not lose the recordings of the others.
 * @param paths test files or folders, as `npm test` takes them
 */
export async function recordTests(root: string, paths: readonly string[]): Promise<Recording[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-examples-'))
  try {
    const child = spawn(process.execPath, [join(root, 'dev', 'bootstrap.mjs'), 'test', ...paths], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, RECORD_EXAMPLES: folder },
    })
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code !== 0) process.stdout.write('some tests failed: only what the others recorded is used\n')
    return await readRecordings(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
