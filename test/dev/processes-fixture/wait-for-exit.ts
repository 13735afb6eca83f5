import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { readCommandLine } from '../../../dev/processes/read-command-line'

/** Resolves once no process has this pid. */
export async function waitForExit(pid: number): Promise<void> {
  while ((await readCommandLine(pid)) !== undefined) await delay(20)
}

/** Resolves once the process group has no members except zombies. */
export async function waitForGroupExit(group: number): Promise<void> {
  while (await groupExists(group)) await delay(20)
}

async function groupExists(group: number): Promise<boolean> {
  try {
    process.kill(-group, 0)
  } catch {
    return false
  }
  if (process.platform !== 'linux') return true
  for (const entry of await readdir('/proc')) {
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    // The fields after the process name in brackets: state, parent, group.
    const [state, , memberOf] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(memberOf) === group && state !== 'Z') return true
  }
  return false
}
