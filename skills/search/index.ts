export { searchProfiles } from './search-profiles'
export { searchTracks } from './search-tracks'
