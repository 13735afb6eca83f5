import { execFile } from 'node:child_process'
import { Rejection } from '../../../media/audio/rejection'
import { runAudioTool } from '../../../media/audio/run-audio-tool'

const signal = new AbortController().signal
const sh = (script: string) => ['/bin/sh', ['-c', script]] as const
const ignore = () => undefined

/** Whether a process sleeps for exactly this unique duration. */
const isAsleep = (seconds: string) =>
  new Promise<boolean>(resolve => execFile('ps', ['-eo', 'args'], (_error, out) => resolve(out.includes(seconds))))

it('passes on the output, and answers whether the tool succeeded', async () => {
  const output: string[] = []
  const collect = (chunk: Buffer) => void output.push(chunk.toString())
  expect(await runAudioTool(...sh('echo sound'), { timeoutMs: 5_000, signal }, collect)).toBe(true)
  expect(await runAudioTool(...sh('exit 3'), { timeoutMs: 5_000, signal }, collect)).toBe(false)
  expect(output.join('')).toBe('sound\n')
})

it('kills the whole process group after the timeout', async () => {
  const seconds = `7${process.pid}.25`
  const running = runAudioTool(...sh(`sleep ${seconds} & sleep ${seconds}`), { timeoutMs: 300, signal }, ignore)
  // It used no CPU time, so the machine may have been frozen and the file is not blamed.
  await expect(running).rejects.toThrow('timed out without CPU time')
  for (let attempt = 0; attempt < 20 && (await isAsleep(seconds)); attempt += 1);
  expect(await isAsleep(seconds)).toBe(false)
})

it('blames the file when the tool used the CPU until the timeout', async () => {
  const running = runAudioTool(...sh('while :; do :; done'), { timeoutMs: 2_000, signal }, ignore)
  await expect(running).rejects.toThrow(new Rejection('processing_timeout'))
  const options = { timeoutMs: 2_000, signal, timeoutError: () => new Error('ours') }
  await expect(runAudioTool(...sh('while :; do :; done'), options, ignore)).rejects.toThrow('ours')
})

it('ends when aborted, when a consumer of its output throws, and when the program does not exist', async () => {
  const stopping = new AbortController()
  const stopped = runAudioTool(...sh('sleep 60'), { timeoutMs: 5_000, signal: stopping.signal }, ignore)
  stopping.abort(new Error('stopping'))
  await expect(stopped).rejects.toThrow('stopping')
  const refuse = () => {
    throw new Error('too much')
  }
  await expect(runAudioTool(...sh('yes'), { timeoutMs: 5_000, signal }, refuse)).rejects.toThrow('too much')
  await expect(runAudioTool('/no/such/program', [], { timeoutMs: 5_000, signal }, ignore)).rejects.toThrow('ENOENT')
})

it('passes no environment variables to the tool', async () => {
  const output: string[] = []
  await runAudioTool('/usr/bin/env', [], { timeoutMs: 5_000, signal }, chunk => void output.push(chunk.toString()))
  expect(output.join('')).toBe('')
})

it('distinguishes a file that crashes the tool from a tool killed from outside', async () => {
  const limits = { timeoutMs: 5_000, signal }
  await expect(runAudioTool(...sh('kill -s SEGV $$'), limits, ignore)).rejects.toThrow(new Rejection('damaged'))
  await expect(runAudioTool(...sh('kill -s KILL $$'), limits, ignore)).rejects.toThrow('was killed')
  expect(await runAudioTool(...sh('exit 1'), limits, ignore)).toBe(false)
})

it('limits memory on Linux', async () => {
  if (process.platform !== 'linux') return
  const output: string[] = []
  await runAudioTool(
    ...sh('ulimit -v; ulimit -c'),
    { timeoutMs: 5_000, signal },
    chunk => void output.push(chunk.toString()),
  )
  expect(output.join('')).toBe(`${2 * 1024 * 1024}\n0\n`)
})
