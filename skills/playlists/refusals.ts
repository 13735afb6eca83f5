import { refusal } from '../../kernel/refusals'

export const itemGone = refusal('item_gone', 409, 'The item is no longer in the playlist')
export const playlistFull = refusal('playlist_full', 409, 'The playlist is full')
