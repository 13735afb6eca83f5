import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'

/** Starts a CPU profile of this process; the returned function stops it and writes it to `file`. */
export function startCpuProfile(file: string): () => void {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.start')
  return () =>
    session.post('Profiler.stop', (_error, { profile }) => {
      writeFileSync(file, JSON.stringify(profile))
    })
}
