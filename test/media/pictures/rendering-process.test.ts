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
  // Named as the folders of a worker.
  folder = await mkdtemp(join(tmpdir(), `tutti-work-${process.pid}-apart-`))
  path = join(folder, 'original')
  large = await heaviestPng()
})
afterAll(() => rm(folder, { recursive: true }))

const { signal } = new AbortController()
const defaultLimits = { timeoutMs: 20_000, memoryKiB: 768 * 1024 }
const onLinux = process.platform === 'linux' ? it : it.skip

/** Starts a slow rendering and stops its process with SIGSTOP. */
async function startRendering(
  limits = defaultLimits,
  stop = signal,
): Promise<{ pid: number; rendering: Promise<unknown> }> {
  await writeFile(path, large)
  const rendering = renderIsolated(path, folder, stop, limits)
  // Handled here, because the caller awaits it later.
  rendering.catch(() => undefined)
  return { pid: await stopRenderingProcess(process.pid), rendering }
}

describe('a rendering process', () => {
  onLinux('does not blame the file when it is killed from outside, or gets no CPU time', async () => {
    const killed = await startRendering()
    signalStoppedProcess(killed.pid, 'SIGKILL')
    await expect(killed.rendering).rejects.toThrow('was killed')
    const frozen = await startRendering({ ...defaultLimits, timeoutMs: 1_500 })
    await expect(frozen.rendering).rejects.toThrow('timed out without CPU time')
    await waitUntil(async () => !(await isRunning(frozen.pid)))
  })

  onLinux('suspects the file when the decoder crashes', async () => {
    const { pid, rendering } = await startRendering()
    signalStoppedProcess(pid, 'SIGSEGV')
    await expect(rendering).rejects.toMatchObject({ name: 'SuspectedRejection', code: 'damaged' })
  })

  onLinux('cannot use more memory than its limit', async () => {
    await writeFile(path, large)
    const rendering = renderIsolated(path, folder, signal, { ...defaultLimits, memoryKiB: 300 * 1024 })
    // The decoder reports the failed allocation, or crashes.
    await expect(rendering).rejects.toBeInstanceOf(SuspectedRejection)
  })

  onLinux('ends at once when aborted', async () => {
    const stopping = new AbortController()
    const { pid, rendering } = await startRendering(defaultLimits, stopping.signal)
    stopping.abort(new Error('stopping'))
    await expect(rendering).rejects.toThrow('stopping')
    await waitUntil(async () => !(await isRunning(pid)))
  })

  it('does not blame the file when a path cannot be read or written', async () => {
    await expect(renderIsolated(join(folder, 'none'), folder, signal)).rejects.toThrow('ENOENT')
    await writeFile(path, await plainPng())
    await expect(renderIsolated(path, join(folder, 'none'), signal)).rejects.toThrow('ENOENT')
    expect(await readdir(folder)).toEqual(['original'])
  })
})

/** Messages as libvips, sharp and Node write them. */
describe('a decoder error', () => {
  const classify = (message: string) => classifyDecoderError(new Error(message))

  it.each([
    'vips_tracked: out of memory -- size == 190MB',
    'VipsJpeg: Insufficient memory (case 4)',
    'unable to allocate buffer',
    'Array buffer allocation failed',
    'ENOMEM: not enough memory, read',
  ])('about memory (%s) suspects the file', message => {
    expect(classify(message)).toMatchObject({ name: 'SuspectedRejection', code: 'too_complex' })
    expect(classify(message).message).toBe(message)
  })

  it.each([
    'wbuffer_write: write failed\nsystem error: No space left on device',
    'ENOSPC: no space left on device, write',
    'EMFILE: too many open files, open',
    'unable to create thread: Resource temporarily unavailable',
    'read error\nsystem error: Input/output error',
  ])('about the machine (%s) does not blame the file', message => {
    const error = classify(message)
    expect([error instanceof Rejection, error instanceof SuspectedRejection]).toEqual([false, false])
    expect(error.message).toBe(message)
  })

  it.each([
    'VipsJpeg: Premature end of JPEG file',
    'pngload_buffer: libspng read error',
    'Input buffer contains unsupported image format',
    'webp2vips: unable to read image',
  ])('about anything else (%s) rejects the file', message => {
    expect(classify(message)).toMatchObject({ name: 'Rejection', code: 'damaged' })
  })

  it('is parsed strictly, although the process may be compromised', () => {
    expect(parseRenderResult('{"color":"#0a0b0c"}')).toEqual({ color: '#0a0b0c' })
    expect(parseRenderResult('{"color":"red"}')).toEqual({ failed: 'an unknown answer' })
    expect(parseRenderResult('{"rejected":"constructor"}')).toEqual({ failed: 'an unknown answer' })
    expect(parseRenderResult('null')).toEqual({ failed: 'an unknown answer' })
    expect(() => parseRenderResult('')).toThrow()
  })
})
