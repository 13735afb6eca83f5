import { type Skill } from '../../kernel/pipeline/registry'
import { getFeed } from './get-feed'
import { listLatestTracks } from './list-latest-tracks'

export const feed: Skill = {
  operations: [getFeed, listLatestTracks],
}
