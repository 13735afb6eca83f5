import { type Migration } from './migration'
import { kernelTables } from './2026-11-22-01-kernel'
import { profiles } from './2026-11-22-02-profiles'
import { tracks } from './2026-11-22-03-tracks'
import { interactions } from './2026-11-22-04-interactions'

/** All migrations, in the order in which they run. */
export const migrations: readonly Migration[] = [kernelTables, profiles, tracks, interactions]
