import { stat } from 'node:fs/promises'
import { run } from './run'

/**
 * PostgreSQL refuses to run as root. These words before its commands make it run as nobody; none are needed unless this
 * process is root's. The folder changes hands if it has to.
 */
export async function giveUpRoot(folder: string, binary: string): Promise<string[]> {
  if (process.getuid?.() !== 0) return []
  for (const { owner, words } of ways) {
    const [command = '', ...args] = words
    if (!(await run(command, [...args, binary, '--version']).then(yes, no))) continue
    if ((await stat(folder)).uid !== owner) await run('chown', ['-R', String(owner), folder])
    if (await run(command, [...args, 'test', '-w', folder]).then(yes, no)) return words
  }
  throw new Error(
    `PostgreSQL does not run as root, and neither unshare nor setpriv lets it run as nobody in ${folder}. ` +
      'Run this as another user, keep the project where everybody may read, or set DATABASE_URL.',
  )
}

const nobody = 65534

// In a user namespace root is only called nobody: files stay root's, and a project below a private home is no obstacle.
// Where namespaces are forbidden (as in some containers) it must be the real nobody.
const ways = [
  { owner: 0, words: ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`] },
  { owner: nobody, words: ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] },
]

const yes = () => true
const no = () => false
