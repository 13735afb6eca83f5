export { deleteExpiredPlaylists } from './delete-expired-playlists'
export { grantDownload } from './grant-download'
export { grantStream } from './grant-stream'
