import { execFile } from 'node:child_process'

export interface RunOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
}

/** Runs a command and returns its standard output. Rejects with the last lines of its standard error. */
export function runCommand(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { ...options, encoding: 'utf8', maxBuffer: outputBytesMax }, (error, stdout, stderr) => {
      const lastLines = stderr.trim().split('\n').slice(-5).join('\n')
      if (error) reject(new Error(`${command} ${args.join(' ')} failed: ${lastLines || error.message}`))
      else resolve(stdout)
    })
  })
}

const outputBytesMax = 64 * 1024 * 1024
