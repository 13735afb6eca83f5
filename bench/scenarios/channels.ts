import { type TestBench } from '../test-bench'
import { type LoadClient } from '../load/load-client'
import { makeParty, makePlaylist, makeTracks, type Person } from '../fixtures'

export interface Position {
  epoch: string
  offset: number
}

export interface CatchUp {
  channel: string
  epoch: string
  latestOffset: number
  events: readonly { offset: number }[]
  recovered: boolean
  hasMore: boolean
}

/** Creates the channels that a party member follows: two tracks, a playlist, the party and their own user channel. */
export async function makeChannels(lab: TestBench, members: readonly Person[]) {
  const [host = { id: '', subject: '' }] = members
  const tracks = await makeTracks(lab.db, host, 2)
  const shared = [
    ...tracks.map(track => `track:${track}`),
    `playlist:${await makePlaylist(lab.db, host)}`,
    `party:${await makeParty(lab.db, members)}`,
  ]
  return { shared, of: ({ id }: Person): readonly string[] => [`user:${id}`, ...shared] }
}

/** Follows channels, from positions if given; returns the answers and the new positions. */
export async function followAll(
  client: LoadClient,
  channels: readonly string[],
  after: ReadonlyMap<string, Position> = new Map(),
): Promise<{ caughtUp: CatchUp[]; positions: Map<string, Position> }> {
  const requests = channels.map(channel => {
    const known = after.get(channel)
    return { channel, ...(known === undefined ? {} : { after: known }) }
  })
  const { followed } = await client.callOrThrow<{ followed: { data?: CatchUp }[] }>('channel.followAll', {
    channels: requests,
  })
  const caughtUp = followed.flatMap(({ data }) => data ?? [])
  return {
    caughtUp,
    positions: new Map(caughtUp.map(({ channel, epoch, latestOffset }) => [channel, { epoch, offset: latestOffset }])),
  }
}
