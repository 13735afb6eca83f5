import { type Skill } from '../../kernel/product'
import { addItem } from './add-item'
import { playlistChannel } from './channel'
import { createPlaylist } from './create-playlist'
import { deletePlaylist } from './delete-playlist'
import {
  itemAdded,
  itemRemoved,
  itemsMoved,
  playlistChanged,
  playlistCreated,
  playlistDeleted,
  playlistHidden,
  trackChanged,
} from './events'
import { getPlaylist } from './get-playlist'
import { listProfilePlaylists } from './list-profile-playlists'
import { moveItem } from './move-item'
import { onTrackChanged, onTrackRemoved } from './on-track-changed'
import { removeItem } from './remove-item'
import { tellOfTrack } from './tell-of-track'
import { updatePlaylist } from './update-playlist'

export const playlists: Skill = {
  operations: [
    createPlaylist,
    getPlaylist,
    listProfilePlaylists,
    updatePlaylist,
    deletePlaylist,
    addItem,
    moveItem,
    removeItem,
  ],
  events: [
    ...[playlistCreated, playlistChanged, playlistHidden, playlistDeleted],
    ...[itemAdded, itemsMoved, itemRemoved, trackChanged],
  ],
  channels: [playlistChannel],
  reactions: [onTrackChanged, onTrackRemoved],
  jobs: [tellOfTrack],
}
