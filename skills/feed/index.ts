import { type Skill } from '../../kernel/product'
import { getFeed } from './get-feed'
import { listLatest } from './list-latest'

export const feed: Skill = {
  operations: [getFeed, listLatest],
}
