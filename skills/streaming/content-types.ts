/** Content types of renditions and previews, and of HLS playlists (RFC 8216). */
export const audioContentType = 'audio/mp4'
export const playlistContentType = 'application/vnd.apple.mpegurl'
