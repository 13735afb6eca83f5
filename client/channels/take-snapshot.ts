import { type Calls } from '../calls/calls'
import { routes, snapshotOperations } from '../operations'
import { type Snapshot } from './channel-reader'

/** Reads the snapshot of a channel; undefined when its type has none. @throws TuttiProblem */
export async function takeSnapshot(calls: Calls, channel: string): Promise<Snapshot | undefined> {
  const [kind = '', id = ''] = channel.split(':')
  const name = snapshotOperations[kind]
  if (name === undefined) return undefined
  const [, field] = /:(\w+)/.exec(routes[name]) ?? []
  const { data, position } = await calls.send(name, field === undefined ? {} : { [field]: id })
  return position && { data, position }
}
