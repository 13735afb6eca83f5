import { type Skill } from '../../kernel/product'
import { abortPicture } from './abort-picture'
import { clearAvatar } from './clear-avatar'
import { pictureChanged } from './events'
import { expirePictures } from './expire-pictures'
import { finalizePicture } from './finalize-picture'
import { getPicture } from './get-picture'
import { initiatePicture } from './initiate-picture'
import { locatePicture } from './locate-picture'
import { onTrackRemoved } from './on-track-removed'
import { processPicture } from './process-picture'
import { removeArtwork } from './remove-artwork'
import { removeAvatar } from './remove-avatar'
import { removeFiles } from './remove-files'
import { renewPicture } from './renew-picture'
import { repairPicture } from './repair-picture'
import { sweepPictures } from './sweep-pictures'

export const pictures: Skill = {
  operations: [
    ...[initiatePicture, getPicture, renewPicture, finalizePicture, abortPicture, locatePicture],
    ...[removeAvatar, clearAvatar, removeArtwork],
  ],
  events: [pictureChanged],
  reactions: [onTrackRemoved],
  jobs: [processPicture, expirePictures, removeFiles, repairPicture, sweepPictures],
}
