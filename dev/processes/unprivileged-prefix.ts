import { stat } from 'node:fs/promises'
import { runCommand } from './run-command'

/**
 * The command prefix that runs PostgreSQL as nobody, because it refuses to run as root; empty unless this process is root.
 * Changes the owner of the folder if necessary.
 * @throws Error when neither unshare nor setpriv works here.
 */
export async function unprivilegedPrefix(folder: string, binary: string): Promise<string[]> {
  if (process.getuid?.() !== 0) return []
  for (const { owner, prefix } of methods) {
    const [command = '', ...args] = prefix
    if (!(await runCommand(command, [...args, binary, '--version']).then(succeeded, failed))) continue
    if ((await stat(folder)).uid !== owner) await runCommand('chown', ['-R', String(owner), folder])
    if (await runCommand(command, [...args, 'test', '-w', folder]).then(succeeded, failed)) return prefix
  }
  throw new Error(
    `PostgreSQL does not run as root, and neither unshare nor setpriv lets it run as nobody in ${folder}. ` +
      'Run this as another user, move the project to a folder that other users may read, or set DATABASE_URL.',
  )
}

const nobody = 65534

// A user namespace only maps root to nobody: files stay root's, and folders that only root may read stay readable.
// Where namespaces are forbidden (as in some containers), switch to the real user nobody.
const methods = [
  { owner: 0, prefix: ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`] },
  { owner: nobody, prefix: ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] },
]

const succeeded = () => true
const failed = () => false
