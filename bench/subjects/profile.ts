import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'

/** Profiles this process from now on; what it answers ends that and keeps the profile in `file`. */
export function startProfile(file: string): () => void {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.start')
  return () =>
    session.post('Profiler.stop', (_error, { profile }) => {
      writeFileSync(file, JSON.stringify(profile))
    })
}
