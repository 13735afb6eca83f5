import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseRenderResult } from '../../../media/pictures/render-result'
import { classifyDecoderError } from '../../../media/pictures/classify-decoder-error'
import { renderIsolated } from '../../../media/pictures/render-isolated'
import { Rejection, SuspectedRejection } from '../../../media/pictures/rejection'
import { waitUntil } from '../../kernel/wait-until'
import { heaviestPng, plainPng } from '../../make-pictures'
import { signalStoppedProcess, isRunning, stopRenderingProcess } from './rendering-process'

let folder: string
let path: string
let large: Buffer
beforeAll(async () => {
  // As those of a worker are named.
  folder = await mkdtemp(join(tmpdir(), `tutti-work-${process.pid}-apart-`))
  path = join(folder, 'original')
  large = await heaviestPng()
})
afterAll(() => rm(folder, { recursive: true }))

const { signal } = new AbortController()
const usual = { timeoutMs: 20_000, memoryKiB: 768 * 1024 }
const onLinux = process.platform === 'linux' ? it : it.skip

/** Begins to draw something that takes a while, and is stopped in the midst of it. */
async function drawing(limits = usual, stop = signal): Promise<{ pid: number; drawn: Promise<unknown> }> {
  await writeFile(path, large)
  const drawn = renderIsolated(path, folder, stop, limits)
  // Whoever waits for it comes later.
  drawn.catch(() => undefined)
  return { pid: await stopRenderingProcess(process.pid), drawn }
}

describe('a picture that is drawn apart', () => {
  onLinux('is the fault of nobody when it is killed from outside, or gets no time', async () => {
    const killed = await drawing()
    signalStoppedProcess(killed.pid, 'SIGKILL')
    await expect(killed.drawn).rejects.toThrow('was killed')
    const frozen = await drawing({ ...usual, timeoutMs: 1_500 })
    await expect(frozen.drawn).rejects.toThrow('timed out without CPU time')
    await waitUntil(async () => !(await isRunning(frozen.pid)))
  })

  onLinux('may be the fault of a file that crashes the decoder', async () => {
    const { pid, drawn } = await drawing()
    signalStoppedProcess(pid, 'SIGSEGV')
    await expect(drawn).rejects.toMatchObject({ name: 'Suspicion', code: 'damaged' })
  })

  onLinux('may not take more memory than it was given', async () => {
    await writeFile(path, large)
    const drawn = renderIsolated(path, folder, signal, { ...usual, memoryKiB: 300 * 1024 })
    // What does not get it says so, or crashes.
    await expect(drawn).rejects.toBeInstanceOf(SuspectedRejection)
  })

  onLinux('ends at once when it is told to', async () => {
    const stopping = new AbortController()
    const { pid, drawn } = await drawing(usual, stopping.signal)
    stopping.abort(new Error('told to stop'))
    await expect(drawn).rejects.toThrow('told to stop')
    await waitUntil(async () => !(await isRunning(pid)))
  })

  it('is the fault of nobody when it cannot be read or written', async () => {
    await expect(renderIsolated(join(folder, 'none'), folder, signal)).rejects.toThrow('ENOENT')
    await writeFile(path, await plainPng())
    await expect(renderIsolated(path, join(folder, 'none'), signal)).rejects.toThrow('ENOENT')
    expect(await readdir(folder)).toEqual(['original'])
  })
})

/** As those who say it do. */
describe('what a decoder says', () => {
  const of = (words: string) => classifyDecoderError(new Error(words))

  it.each([
    'vips_tracked: out of memory -- size == 190MB',
    'VipsJpeg: Insufficient memory (case 4)',
    'unable to allocate buffer',
    'Array buffer allocation failed',
    'ENOMEM: not enough memory, read',
  ])('of memory (%s) may be about the file', words => {
    expect(of(words)).toMatchObject({ name: 'Suspicion', code: 'too_complex' })
    expect(of(words).message).toBe(words)
  })

  it.each([
    'wbuffer_write: write failed\nsystem error: No space left on device',
    'ENOSPC: no space left on device, write',
    'EMFILE: too many open files, open',
    'unable to create thread: Resource temporarily unavailable',
    'read error\nsystem error: Input/output error',
  ])('of the machine (%s) is not', words => {
    const error = of(words)
    expect([error instanceof Rejection, error instanceof SuspectedRejection]).toEqual([false, false])
    expect(error.message).toBe(words)
  })

  it.each([
    'VipsJpeg: Premature end of JPEG file',
    'pngload_buffer: libspng read error',
    'Input buffer contains unsupported image format',
    'webp2vips: unable to read image',
  ])('of anything else (%s) is', words => {
    expect(of(words)).toMatchObject({ name: 'Rejection', code: 'damaged' })
  })

  it('is told in words of its own, whatever was made of the program that says it', () => {
    expect(parseRenderResult('{"color":"#0a0b0c"}')).toEqual({ color: '#0a0b0c' })
    expect(parseRenderResult('{"color":"red"}')).toEqual({ failed: 'an unknown answer' })
    expect(parseRenderResult('{"rejected":"constructor"}')).toEqual({ failed: 'an unknown answer' })
    expect(parseRenderResult('null')).toEqual({ failed: 'an unknown answer' })
    expect(() => parseRenderResult('')).toThrow()
  })
})
