import { type Skill } from '../../kernel/pipeline/registry'
import { abortPicture } from './abort-picture'
import { pictureChanged } from './events'
import { expirePictures } from './expire-pictures'
import { finalizePicture } from './finalize-picture'
import { getPicture } from './get-picture'
import { initiatePicture } from './initiate-picture'
import { getPictureFile } from './get-picture-file'
import { onTrackDeleted } from './on-track-deleted'
import { processPicture } from './process-picture'
import { removeArtwork } from './remove-artwork'
import { removeAvatar } from './remove-avatar'
import { removeProfileAvatar } from '../moderation/remove-profile-avatar'
import { deleteObjects } from './delete-objects'
import { renewPicture } from './renew-picture'
import { repairPicture } from './repair-picture'
import { sweepPictures } from './sweep-pictures'

export const pictures: Skill = {
  operations: [
    ...[initiatePicture, getPicture, renewPicture, finalizePicture, abortPicture, getPictureFile],
    ...[removeAvatar, removeProfileAvatar, removeArtwork],
  ],
  events: [pictureChanged],
  reactions: [onTrackDeleted],
  jobs: [processPicture, expirePictures, deleteObjects, repairPicture, sweepPictures],
}
