import { type Product, productOf } from '../kernel/product'
import { upkeep } from '../kernel/upkeep'
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
import { arrive, userProfile } from './user-profile'

/** Every skill with its operations, events, channels and jobs. */
export const product: Product = productOf(
  [
    upkeep,
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
  arrive,
)
