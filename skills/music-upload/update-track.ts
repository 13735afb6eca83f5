import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { count, id, optional, shape, type Value } from '../../kernel/schema'
import { mayEditTrack } from '../streaming/rules'
import { trackView, viewTrack, visibleTrack } from '../streaming/views'
import { changeTrack } from './change-track'
import { trackWords } from './fields'

const changes = shape({
  trackId: id,
  rev: optional(count),
  title: optional(trackWords.title),
  description: optional(trackWords.description),
  genre: optional(trackWords.genre),
  visibility: optional(trackWords.visibility),
  isDownloadable: optional(trackWords.isDownloadable),
})

export const updateTrack = operation({
  name: 'music-upload.updateTrack',
  route: 'PATCH /tracks/:trackId',
  summary:
    'Change the words or the visibility of a track of yours, or whether it may be downloaded. What is left out stays.',
  who: 'signed-in',
  input: changes,
  output: trackView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => visibleTrack(trackId, context, { lock: true }),

  allow: mayEditTrack,

  async run({ input, subject: track }, context) {
    if (input.rev !== undefined && input.rev !== track.rev)
      throw refusals.staleRevision(undefined, { current: await viewTrack(track, context) })
    await changeTrack(track, wordsOf(input), context)
    return viewTrack(track, context)
  },
})

function wordsOf({ title, description, genre, visibility, isDownloadable }: Value<typeof changes>) {
  return {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(genre === undefined ? {} : { genre }),
    ...(visibility === undefined ? {} : { visibility }),
    ...(isDownloadable === undefined ? {} : { isDownloadable }),
  }
}
