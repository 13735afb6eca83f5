import { type MemoryBound, runTool } from '../../media/run-tool'

const limits = {
  timeoutMs: 10_000,
  signal: new AbortController().signal,
  memory: { of: 'data', KiB: 200 * 1024 } satisfies MemoryBound,
  timeoutError: () => new Error('late'),
  crashError: () => new Error('crashed'),
}
const onLinux = process.platform === 'linux' ? it : it.skip

async function outputOf(command: string, args: readonly string[], more: Partial<typeof limits> = {}): Promise<string> {
  const chunks: string[] = []
  await runTool(command, args, { ...limits, ...more }, chunk => void chunks.push(chunk.toString()))
  return chunks.join('')
}

onLinux('bounds what Node may write to, however many addresses it reserves', async () => {
  const allocate = (bytes: number) => [
    '-e',
    `try { console.log(Buffer.alloc(${bytes}, 1).length) } catch { console.log('none') }`,
  ]
  expect(await outputOf(process.execPath, allocate(400_000_000))).toBe('none\n')
  expect(await outputOf(process.execPath, allocate(20_000_000))).toBe('20000000\n')
})

onLinux('is the first to go when the machine runs out of memory, and tells nobody of our environment', async () => {
  expect(await outputOf('/bin/cat', ['/proc/self/oom_score_adj'])).toBe('1000\n')
  expect(await outputOf('/usr/bin/env', [])).toBe('')
})

it('reports a crash with the text of its caller', async () => {
  await expect(outputOf('/bin/sh', ['-c', 'kill -s SEGV $$'])).rejects.toThrow('crashed')
  await expect(outputOf('/bin/sh', ['-c', 'while :; do :; done'], { timeoutMs: 2_000 })).rejects.toThrow(
    /late|without CPU time/,
  )
})
