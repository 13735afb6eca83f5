import { execFile } from 'node:child_process'
import { Rejection } from '../../media/audio/rejection'
import { runAudioTool } from '../../media/audio/run-audio-tool'

const signal = new AbortController().signal
const sh = (script: string) => ['/bin/sh', ['-c', script]] as const
const nothing = () => undefined

/** A duration that nobody else sleeps for, so that its processes can be found. */
const isAsleep = (seconds: string) =>
  new Promise<boolean>(resolve => execFile('ps', ['-eo', 'args'], (_error, out) => resolve(out.includes(seconds))))

it('gives the output as it comes, and says whether it ended well', async () => {
  const heard: string[] = []
  const take = (chunk: Buffer) => void heard.push(chunk.toString())
  expect(await runAudioTool(...sh('echo sound'), { timeoutMs: 5_000, signal }, take)).toBe(true)
  expect(await runAudioTool(...sh('exit 3'), { timeoutMs: 5_000, signal }, take)).toBe(false)
  expect(heard.join('')).toBe('sound\n')
})

it('kills the whole group of what takes too long', async () => {
  const seconds = `7${process.pid}.25`
  const running = runAudioTool(...sh(`sleep ${seconds} & sleep ${seconds}`), { timeoutMs: 300, signal }, nothing)
  // It slept: the machine might as well have been frozen, which says nothing of the file.
  await expect(running).rejects.toThrow('timed out without CPU time')
  for (let tries = 0; tries < 20 && (await isAsleep(seconds)); tries += 1);
  expect(await isAsleep(seconds)).toBe(false)
})

it('blames the file when it was busy all that time', async () => {
  const running = runAudioTool(...sh('while :; do :; done'), { timeoutMs: 2_000, signal }, nothing)
  await expect(running).rejects.toThrow(new Rejection('processing_timeout'))
  const late = { timeoutMs: 2_000, signal, whenLate: () => new Error('ours') }
  await expect(runAudioTool(...sh('while :; do :; done'), late, nothing)).rejects.toThrow('ours')
})

it('ends when it is told to, when its output is refused, and when there is no such program', async () => {
  const stopping = new AbortController()
  const stopped = runAudioTool(...sh('sleep 60'), { timeoutMs: 5_000, signal: stopping.signal }, nothing)
  stopping.abort(new Error('told to stop'))
  await expect(stopped).rejects.toThrow('told to stop')
  const refuse = () => {
    throw new Error('too much')
  }
  await expect(runAudioTool(...sh('yes'), { timeoutMs: 5_000, signal }, refuse)).rejects.toThrow('too much')
  await expect(runAudioTool('/no/such/program', [], { timeoutMs: 5_000, signal }, nothing)).rejects.toThrow('ENOENT')
})

it('keeps our environment to ourselves', async () => {
  const heard: string[] = []
  await runAudioTool('/usr/bin/env', [], { timeoutMs: 5_000, signal }, chunk => void heard.push(chunk.toString()))
  expect(heard.join('')).toBe('')
})

it('tells a file that crashes the tool from a tool that was killed from outside', async () => {
  const limits = { timeoutMs: 5_000, signal }
  await expect(runAudioTool(...sh('kill -s SEGV $$'), limits, nothing)).rejects.toThrow(new Rejection('damaged'))
  await expect(runAudioTool(...sh('kill -s KILL $$'), limits, nothing)).rejects.toThrow('was killed')
  expect(await runAudioTool(...sh('exit 1'), limits, nothing)).toBe(false)
})

it('bounds memory where the system can', async () => {
  if (process.platform !== 'linux') return
  const heard: string[] = []
  await runAudioTool(
    ...sh('ulimit -v; ulimit -c'),
    { timeoutMs: 5_000, signal },
    chunk => void heard.push(chunk.toString()),
  )
  expect(heard.join('')).toBe(`${2 * 1024 * 1024}\n0\n`)
})
