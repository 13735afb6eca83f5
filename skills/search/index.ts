import { type Skill } from '../../kernel/pipeline/registry'
import { searchProfiles } from './search-profiles'
import { searchTracks } from './search-tracks'

export const search: Skill = {
  operations: [searchTracks, searchProfiles],
}
