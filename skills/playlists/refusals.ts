import { refusal } from '../../kernel/pipeline/refusals'

export const itemNotInPlaylist = refusal('item_not_in_playlist', 409, 'The item is no longer in the playlist')
export const playlistFull = refusal('playlist_full', 409, 'The playlist is full')
