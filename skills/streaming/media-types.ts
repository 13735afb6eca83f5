/** Of the files that renditions and previews are made of, and of the playlists that list them (RFC 8216). */
export const mediaType = 'audio/mp4'
export const playlistType = 'application/vnd.apple.mpegurl'
