import { type Registry, createRegistry } from '../kernel/pipeline/registry'
import { maintenance } from '../kernel/pipeline/maintenance'
import { capabilities } from './capabilities'
import { feed } from './feed'
import { interactions } from './interactions'
import { notifications } from './notifications'
import { listeningParty } from './listening-party'
import { moderation } from './moderation'
import { musicUpload } from './music-upload'
import { pictures } from './pictures'
import { playlists } from './playlists'
import { plays } from './plays'
import { search } from './search'
import { streaming } from './streaming'
import { provisionProfile, userProfile } from './user-profile'

/** Every skill with its operations, events, channels and jobs. */
export const registry: Registry = createRegistry(
  [
    maintenance,
    userProfile,
    streaming,
    musicUpload,
    plays,
    pictures,
    interactions,
    playlists,
    search,
    notifications,
    feed,
    listeningParty,
    moderation,
    capabilities,
  ],
  provisionProfile,
)
