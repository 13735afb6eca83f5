import { keysKeptHours } from '../../kernel/idempotency'
import { operation } from '../../kernel/operation'
import { pageSizeDefault, pageSizeMax } from '../../kernel/paging'
import { catchUpEventsMax, channelsPerSocketMax, waitSecondsMax } from '../../kernel/protocol'
import { count, list, named, nothing, shape, type Value, written } from '../../kernel/schema'
import { logKeptDays } from '../../kernel/upkeep'
import {
  audioTypes,
  pendingUploadsMax,
  putLifeMs,
  retryWindowMs,
  uploadBytesMax,
  uploadLifeMs,
} from '../music-upload/rules'
import { tellEveryMs, thresholdMsMax, windowMsMin } from '../plays/rules'
import { grantLifeMsMax, grantMarginMs } from '../streaming/rules'

const capabilities = named(
  'Capabilities',
  shape({
    upload: shape({
      contentTypes: list(written, 100),
      bytesMax: count,
      /** How many may wait for their file. */
      pendingMax: count,
      sendWithinSeconds: count,
      putUrlSeconds: count,
      /** So long what failed through no fault of its file may be tried again without sending it anew. */
      retryWithinSeconds: count,
    }),
    /** A grant lasts for the length of the track and the margin, at most the maximum. */
    streaming: shape({ grantMarginSeconds: count, grantSecondsMax: count }),
    plays: shape({ tellEveryMs: count, thresholdMsMax: count, windowSecondsMin: count }),
    live: shape({ channelsMax: count, eventsMax: count, waitSecondsMax: count, keptDays: count }),
    lists: shape({ limitDefault: count, limitMax: count }),
    idempotencyKeyHours: count,
  }),
)

const seconds = (ms: number) => ms / 1_000

const present: Value<typeof capabilities> = {
  upload: {
    contentTypes: [...audioTypes],
    bytesMax: uploadBytesMax,
    pendingMax: pendingUploadsMax,
    sendWithinSeconds: seconds(uploadLifeMs),
    putUrlSeconds: seconds(putLifeMs),
    retryWithinSeconds: seconds(retryWindowMs),
  },
  streaming: { grantMarginSeconds: seconds(grantMarginMs), grantSecondsMax: seconds(grantLifeMsMax) },
  plays: { tellEveryMs, thresholdMsMax, windowSecondsMin: seconds(windowMsMin) },
  live: { channelsMax: channelsPerSocketMax, eventsMax: catchUpEventsMax, waitSecondsMax, keptDays: logKeptDays },
  lists: { limitDefault: pageSizeDefault, limitMax: pageSizeMax },
  idempotencyKeyHours: keysKeptHours,
}

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

  run: async () => present,
})
