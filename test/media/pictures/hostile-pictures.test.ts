import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { renderIsolated } from '../../../media/pictures/render-isolated'
import { Rejection } from '../../../media/pictures/rejection'
import { pictureFiles } from '../../../media/pictures/picture-files'
import { type ExpectedOutcome, hostilePictures } from './hostile-pictures'

/** Each file of the collection, as a worker draws it: its answer, and not one request to anywhere. */
let folder: string
let trap: Server
let hits = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-hostile-'))
  trap = createServer(socket => {
    hits += 1
    socket.destroy()
  })
  await new Promise<void>(resolve => trap.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await new Promise(resolve => trap.close(resolve))
})

const { signal } = new AbortController()

it.each(hostilePictures)('%s: %s', async (_what, fate, make) => {
  const path = join(folder, 'original')
  await writeFile(path, await make(`http://127.0.0.1:${(trap.address() as AddressInfo).port}/x`))
  expect(await fateOf(path)).toBe(fate)
  expect(hits).toBe(0)
  const drawn = (await readdir(folder)).filter(name => name !== 'original')
  expect(drawn.sort()).toEqual(fate === 'taken' ? [...pictureFiles].sort() : [])
  for (const name of drawn) {
    await expectBare(join(folder, name))
    await rm(join(folder, name))
  }
})

const fateOf = (path: string): Promise<ExpectedOutcome> =>
  renderIsolated(path, folder, signal).then(
    () => 'taken',
    (error: unknown) => {
      if (error instanceof Rejection) return error.code
      throw error
    },
  )

/** Nothing but a picture. */
async function expectBare(path: string): Promise<void> {
  const bytes = await readFile(path)
  const { exif, icc, xmp, iptc, comments } = await sharp(bytes).metadata()
  expect({ exif, icc, xmp, iptc, comments }).toEqual({})
  for (const trace of ['PK\x03\x04', 'script', 'php', 'ENTITY', '127.0.0.1'])
    expect([trace, bytes.includes(Buffer.from(trace, 'latin1'))]).toEqual([trace, false])
}
