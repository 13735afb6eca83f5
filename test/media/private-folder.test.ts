import { access, mkdtemp, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { inPrivateFolder } from '../../media/private-folder'

const host = hostname().replace(/[^A-Za-z0-9]/g, '')
const unusedPid = 2 ** 30
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

async function folderOf(pid: number, ofHost = host): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `tutti-work-${pid}-${ofHost}-00000000-`))
  await writeFile(join(folder, 'original'), 'x')
  return folder
}

it('exists during the work and is deleted after it, also after a failure', async () => {
  let folder = ''
  const failing = inPrivateFolder(async path => {
    folder = path
    expect(await exists(path)).toBe(true)
    throw new Error('no luck')
  })
  await expect(failing).rejects.toThrow('no luck')
  expect(await exists(folder)).toBe(false)
})

it('deletes folders of dead processes, and none of live ones', async () => {
  const [dead, earlier, live, otherHost, old] = await Promise.all([
    folderOf(unusedPid),
    folderOf(process.pid),
    folderOf(process.ppid),
    folderOf(unusedPid, 'elsewhere'),
    folderOf(unusedPid, 'elsewhere'),
  ])
  await utimes(old, 1, 1)
  const exist = await inPrivateFolder(async path =>
    Promise.all([path, dead, earlier, live, otherHost, old].map(exists)),
  )
  expect(exist).toEqual([true, false, false, true, true, false])
  for (const folder of [live, otherHost]) await utimes(folder, 1, 1)
  await inPrivateFolder(async () => undefined)
  expect(await exists(live)).toBe(false)
})
