import { keysKeptHours } from '../../kernel/idempotency'
import { operation } from '../../kernel/operation'
import { pageSizeDefault, pageSizeMax } from '../../kernel/paging'
import { catchUpEventsMax, channelsPerSocketMax, waitSecondsMax } from '../../kernel/protocol'
import { count, list, named, nothing, oneOf, shape, type Value, written } from '../../kernel/schema'
import { logKeptDays } from '../../kernel/upkeep'
import { type World } from '../../kernel/world'
import {
  audioTypes,
  partBytesMax,
  partBytesMin,
  partsPerCallMax,
  pendingUploadsMax,
  previewSeconds,
  putLifeMs,
  releaseAheadMsMax,
  retryWindowMs,
  singlePutBytesMax,
  uploadBytesMax,
  uploadLifeMs,
} from '../music-upload/rules'
import {
  pendingPicturesMax,
  pictureBytesMax,
  pictureFiles,
  pictureLifeMs,
  picturePixelsMax,
  picturePutLifeMs,
  pictureSideMin,
  pictureTypes,
} from '../pictures/rules'
import {
  networkPlaysPerDayMax,
  networkTrackPlaysPerDayMax,
  offlineMsMax,
  tellEveryMs,
  thresholdMsMax,
  windowMsMin,
} from '../plays/rules'
import {
  downloadLifeMs,
  grantLifeMsMax,
  grantMarginMs,
  qualities,
  visibilities,
  waveformPointsMax,
} from '../streaming/rules'

const capabilities = named(
  'Capabilities',
  shape({
    upload: shape({
      contentTypes: list(written, 100),
      bytesMax: count,
      /** Larger files are sent in parts. */
      singlePutBytesMax: count,
      partBytesMin: count,
      partBytesMax: count,
      /** How many parts one call signs. */
      partsPerCallMax: count,
      /** What all files of a person may take together. */
      quotaBytes: count,
      /** How many may wait for their file. */
      pendingMax: count,
      sendWithinSeconds: count,
      putUrlSeconds: count,
      /** A release may be planned so far ahead. */
      releaseAheadSecondsMax: count,
      /** So long what failed through no fault of its file may be tried again without sending it anew. */
      retryWithinSeconds: count,
    }),
    pictures: shape({
      contentTypes: list(written, 20),
      bytesMax: count,
      pixelsMax: count,
      /** The shorter side, in pixels. */
      sideMin: count,
      /** How many may wait for their file or be worked on. */
      pendingMax: count,
      sendWithinSeconds: count,
      putUrlSeconds: count,
      /** `<at>/<picture id>/<file>` is the address of each; `at` may be below the API's own origin. */
      at: written,
      files: list(written, 20),
    }),
    /**
     * A grant lasts for what is left of the track and the margin, at most the maximum; one that others use too, for half the
     * margin less. `deliveries`: how it may be had. `qualities`: those that a progressive file may have.
     */
    streaming: shape({
      grantMarginSeconds: count,
      grantSecondsMax: count,
      downloadSeconds: count,
      previewSeconds: count,
      waveformPointsMax: count,
      deliveries: list(oneOf('url', 'cookies'), 2),
      qualities: list(written, 20),
      visibilities: list(written, 10),
    }),
    plays: shape({
      tellEveryMs: count,
      /** Heard so long a play counts, at most: half of a track that is shorter than twice this. */
      thresholdMsMax: count,
      /** So long a listener of a track counts no second time, or for as long as the track is. */
      windowSecondsMin: count,
      /** So long after its opening a play may be told of. */
      tellWithinSeconds: count,
      /** What one network counts without tokens: of one track, and of all. */
      networkTrackPlaysPerDayMax: count,
      networkPlaysPerDayMax: count,
    }),
    live: shape({ channelsMax: count, eventsMax: count, waitSecondsMax: count, keptDays: count }),
    lists: shape({ limitDefault: count, limitMax: count }),
    idempotencyKeyHours: count,
  }),
)

const seconds = (ms: number) => ms / 1_000

const present = ({ config, media }: Pick<World, 'config' | 'media'>): Value<typeof capabilities> => ({
  upload: {
    quotaBytes: config.uploads.quotaBytes,
    contentTypes: [...audioTypes],
    bytesMax: uploadBytesMax,
    ...{ singlePutBytesMax, partBytesMin, partBytesMax, partsPerCallMax },
    pendingMax: pendingUploadsMax,
    sendWithinSeconds: seconds(uploadLifeMs),
    putUrlSeconds: seconds(putLifeMs),
    releaseAheadSecondsMax: seconds(releaseAheadMsMax),
    retryWithinSeconds: seconds(retryWindowMs),
  },
  streaming: {
    grantMarginSeconds: seconds(grantMarginMs),
    grantSecondsMax: seconds(grantLifeMsMax),
    downloadSeconds: seconds(downloadLifeMs),
    previewSeconds,
    waveformPointsMax,
    deliveries: [...media.deliveries],
    qualities: [...qualities],
    visibilities: [...visibilities],
  },
  plays: {
    ...{ tellEveryMs, thresholdMsMax, windowSecondsMin: seconds(windowMsMin) },
    ...{ tellWithinSeconds: seconds(offlineMsMax), networkTrackPlaysPerDayMax, networkPlaysPerDayMax },
  },
  live: { channelsMax: channelsPerSocketMax, eventsMax: catchUpEventsMax, waitSecondsMax, keptDays: logKeptDays },
  lists: { limitDefault: pageSizeDefault, limitMax: pageSizeMax },
  idempotencyKeyHours: keysKeptHours,
  pictures: { ...picturesPresent, at: picturesAt(config.cdn) },
})

const picturesPresent = {
  contentTypes: [...pictureTypes],
  bytesMax: pictureBytesMax,
  pixelsMax: picturePixelsMax,
  sideMin: pictureSideMin,
  pendingMax: pendingPicturesMax,
  sendWithinSeconds: seconds(pictureLifeMs),
  putUrlSeconds: seconds(picturePutLifeMs),
  files: [...pictureFiles],
}

/** Straight to the distribution, where there is one; else the API redirects to the bucket. */
const picturesAt = (cdn: { origin: string } | undefined) =>
  cdn === undefined ? '/api/v1/pictures' : `${cdn.origin}/pictures`

export const getCapabilities = operation({
  name: 'capabilities.getCapabilities',
  route: 'GET /capabilities',
  summary:
    'What is taken here and how much of it: formats, limits and how long things are good for. Ask instead of hard-coding.',
  who: 'anyone',
  input: nothing,
  output: capabilities,
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  run: async (_call, { world }) => present(world),
})
