export { getFeed } from './get-feed'
export { listLatestTracks } from './list-latest-tracks'
