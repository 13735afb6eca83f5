import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { renderIsolated } from '../../../media/pictures/render-isolated'
import { Rejection } from '../../../media/pictures/rejection'
import { pictureFiles } from '../../../media/pictures/picture-files'
import { type ExpectedOutcome, hostilePictures } from './hostile-pictures'

/** Renders each hostile picture as a worker does: its outcome, and no network request. */
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

it.each(hostilePictures)('%s: %s', async (_what, outcome, make) => {
  const path = join(folder, 'original')
  await writeFile(path, await make(`http://127.0.0.1:${(trap.address() as AddressInfo).port}/x`))
  expect(await outcomeOf(path)).toBe(outcome)
  expect(hits).toBe(0)
  const rendered = (await readdir(folder)).filter(name => name !== 'original')
  expect(rendered.sort()).toEqual(outcome === 'taken' ? [...pictureFiles].sort() : [])
  for (const name of rendered) {
    await expectNoMetadata(join(folder, name))
    await rm(join(folder, name))
  }
})

const outcomeOf = (path: string): Promise<ExpectedOutcome> =>
  renderIsolated(path, folder, signal).then(
    () => 'taken',
    (error: unknown) => {
      if (error instanceof Rejection) return error.code
      throw error
    },
  )

/** Expects a picture without metadata or foreign content. */
async function expectNoMetadata(path: string): Promise<void> {
  const bytes = await readFile(path)
  const { exif, icc, xmp, iptc, comments } = await sharp(bytes).metadata()
  expect({ exif, icc, xmp, iptc, comments }).toEqual({})
  for (const trace of ['PK\x03\x04', 'script', 'php', 'ENTITY', '127.0.0.1'])
    expect([trace, bytes.includes(Buffer.from(trace, 'latin1'))]).toEqual([trace, false])
}
