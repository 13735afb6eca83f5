/** Content types of renditions and previews, and of HLS playlists (RFC 8216). */
export const mediaType = 'audio/mp4'
export const playlistType = 'application/vnd.apple.mpegurl'
