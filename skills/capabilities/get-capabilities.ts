import { idempotencyKeyTtlHours } from '../../kernel/pipeline/idempotency'
import { operation } from '../../kernel/pipeline/operation'
import { pageSizeDefault, pageSizeMax } from '../../kernel/pipeline/paging'
import { catchUpEventsMax, channelsPerSocketMax, longPollSecondsMax } from '../../kernel/events/protocol'
import { count, list, named, emptyObject, oneOf, shape, type Value, outputText } from '../../kernel/pipeline/schema'
import { logRetentionDays } from '../../kernel/pipeline/maintenance'
import { type AppContext } from '../../kernel/platform/app-context'
import {
  audioTypes,
  partBytesMax,
  partBytesMin,
  partsPerCallMax,
  pendingUploadsMax,
  putLifeMs,
  retryWindowMs,
  singlePutBytesMax,
  uploadBytesMax,
  uploadLifeMs,
} from '../music-upload/rules'
import { previewSeconds } from '../../media/audio/encode-audio'
import { releaseAheadMsMax } from '../tracks/rules'
import { pendingPicturesMax, pictureBytesMax, pictureLifeMs, picturePutLifeMs, pictureTypes } from '../pictures/rules'
import { pictureFiles, picturePixelsMax, pictureSideMin } from '../../media/pictures/picture-files'
import {
  networkPlaysPerDayMax,
  networkTrackPlaysPerDayMax,
  reportWithinMs,
  reportIntervalMs,
  thresholdMsMax,
  repeatWindowMsMin,
} from '../plays/rules'
import { visibilities } from '../tracks/rules'
import { downloadLifeMs, grantLifeMsMax, grantMarginMs, qualities } from '../streaming/rules'
import { peaksMax } from '../../media/audio/peaks'

const capabilities = named(
  'Capabilities',
  shape({
    uploads: shape({
      contentTypes: list(outputText, 100),
      bytesMax: count,
      /** Files larger than this are uploaded in parts. */
      singlePutBytesMax: count,
      partBytesMin: count,
      partBytesMax: count,
      /** How many parts one call signs. */
      partsPerCallMax: count,
      /** Total size of all files of one user. */
      quotaBytes: count,
      /** How many initiated uploads may be waiting for their file. */
      pendingMax: count,
      uploadWithinSeconds: count,
      uploadUrlSeconds: count,
      /** How far ahead a release may be scheduled. */
      releaseAheadSecondsMax: count,
      /** How long an upload that failed on the server's side can be retried without sending the file again. */
      retryWithinSeconds: count,
    }),
    pictures: shape({
      contentTypes: list(outputText, 20),
      bytesMax: count,
      pixelsMax: count,
      /** Minimum length of the shorter side, in pixels. */
      sideMin: count,
      /** How many pictures may be waiting for their file or be processing. */
      pendingMax: count,
      uploadWithinSeconds: count,
      uploadUrlSeconds: count,
      /** A picture file's URL is `<baseUrl>/<picture id>/<file>`; `baseUrl` is absolute, or a path of the API's origin. */
      baseUrl: outputText,
      files: list(outputText, 20),
    }),
    /**
     * A grant lasts for the rest of the track plus the margin, up to the maximum; a grant shared between listeners lasts half
     * the margin less. `deliveries`: signed URL or cookies. `qualities`: the qualities of a progressive file.
     */
    streaming: shape({
      grantMarginSeconds: count,
      grantSecondsMax: count,
      downloadSeconds: count,
      previewSeconds: count,
      waveformPointsMax: count,
      deliveries: list(oneOf('url', 'cookies'), 2),
      qualities: list(outputText, 20),
      visibilities: list(outputText, 10),
    }),
    plays: shape({
      reportIntervalMs: count,
      /** Listening time after which a play counts; half the duration for tracks shorter than twice this. */
      thresholdMsMax: count,
      /** A listener counts once per track within this time, or within the track's duration if that is longer. */
      repeatWindowSecondsMin: count,
      /** How long after its start a play accepts progress reports. */
      reportWithinSeconds: count,
      /** Plays counted per day from one network without a token: of one track, and of all tracks. */
      networkTrackPlaysPerDayMax: count,
      networkPlaysPerDayMax: count,
    }),
    live: shape({ channelsMax: count, catchUpEventsMax: count, waitSecondsMax: count, retentionDays: count }),
    lists: shape({ limitDefault: count, limitMax: count }),
    idempotencyKeyHours: count,
  }),
)

const seconds = (ms: number) => ms / 1_000

const viewCapabilities = ({
  config,
  mediaUrls,
}: Pick<AppContext, 'config' | 'mediaUrls'>): Value<typeof capabilities> => ({
  uploads: {
    quotaBytes: config.uploads.quotaBytes,
    contentTypes: [...audioTypes],
    bytesMax: uploadBytesMax,
    ...{ singlePutBytesMax, partBytesMin, partBytesMax, partsPerCallMax },
    pendingMax: pendingUploadsMax,
    uploadWithinSeconds: seconds(uploadLifeMs),
    uploadUrlSeconds: seconds(putLifeMs),
    releaseAheadSecondsMax: seconds(releaseAheadMsMax),
    retryWithinSeconds: seconds(retryWindowMs),
  },
  streaming: {
    grantMarginSeconds: seconds(grantMarginMs),
    grantSecondsMax: seconds(grantLifeMsMax),
    downloadSeconds: seconds(downloadLifeMs),
    previewSeconds,
    waveformPointsMax: peaksMax,
    deliveries: [...mediaUrls.deliveryMethods],
    qualities: [...qualities],
    visibilities: [...visibilities],
  },
  plays: {
    ...{ reportIntervalMs, thresholdMsMax, repeatWindowSecondsMin: seconds(repeatWindowMsMin) },
    ...{ reportWithinSeconds: seconds(reportWithinMs), networkTrackPlaysPerDayMax, networkPlaysPerDayMax },
  },
  live: {
    channelsMax: channelsPerSocketMax,
    catchUpEventsMax,
    waitSecondsMax: longPollSecondsMax,
    retentionDays: logRetentionDays,
  },
  lists: { limitDefault: pageSizeDefault, limitMax: pageSizeMax },
  idempotencyKeyHours: idempotencyKeyTtlHours,
  pictures: { ...pictureLimits, baseUrl: picturesBaseUrl(config.cdn) },
})

const pictureLimits = {
  contentTypes: [...pictureTypes],
  bytesMax: pictureBytesMax,
  pixelsMax: picturePixelsMax,
  sideMin: pictureSideMin,
  pendingMax: pendingPicturesMax,
  uploadWithinSeconds: seconds(pictureLifeMs),
  uploadUrlSeconds: seconds(picturePutLifeMs),
  files: [...pictureFiles],
}

/** The CDN if one is configured; otherwise the API, which redirects to the bucket. */
const picturesBaseUrl = (cdn: { origin: string } | undefined) =>
  cdn === undefined ? '/api/v1/pictures' : `${cdn.origin}/pictures`

export const getCapabilities = operation({
  name: 'capabilities.getCapabilities',
  route: 'GET /capabilities',
  summary: 'Get supported formats and limits',
  description:
    'Formats, limits and lifetimes of uploads, pictures, streaming, plays and lists. Read them here instead of hard-coding them.',
  auth: 'public',
  input: emptyObject,
  output: capabilities,
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  run: async (_call, { app }) => viewCapabilities(app),
})
