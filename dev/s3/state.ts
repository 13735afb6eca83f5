import { join } from 'node:path'
import { Buckets } from './buckets'
import { Pieces } from './pieces'
import { type Credentials } from './credential'

/** What every operation gets: settings, clock and stored data. */
export interface State {
  credentials: Credentials
  /** Epoch ms. */
  now: () => number
  pieces: Pieces
  buckets: Buckets
}

/** Opens the data folder, or creates it. Only one process at a time may use it. */
export async function openState(folder: string, credentials: Credentials, now: () => number): Promise<State> {
  const pieces = await Pieces.open(join(folder, 'pieces'))
  const buckets = await Buckets.open(join(folder, 'buckets'), pieces)
  await pieces.removeUnreferenced()
  return { credentials, now, pieces, buckets }
}
