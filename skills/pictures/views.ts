import {
  count,
  id,
  timestamp,
  named,
  nullable,
  oneOf,
  shape,
  type Value,
  outputText,
} from '../../kernel/pipeline/schema'
import { type Picture } from '../../models'
import { type PictureFile, pictureFiles } from '../../media/pictures/picture-files'

/**
 * A picture that is shown somewhere; its URL is `GET /pictures/:pictureId/:file`. Small and independent of the
 * deployment, since it is part of every list row and of stored events.
 */
export const pictureRef = named(
  'PictureRef',
  shape({
    id,
    /** Placeholder until it is loaded: `#rrggbb`. */
    color: outputText,
  }),
)
export type PictureRef = Value<typeof pictureRef>

/** From the columns of a row: both set or both null. */
export const toPictureRef = (id: string | null, color: string | null): PictureRef | null =>
  id === null ? null : { id, color: color ?? unknownColor }

/** SQL: the same, for a row of profiles. */
export const avatarRefSql = (profile: string): string =>
  `case when ${profile}.avatar_id is not null
    then jsonb_build_object('id', ${profile}.avatar_id, 'color', coalesce(${profile}.avatar_color, '${unknownColor}')) end`

const unknownColor = '#808080'

/** A picture as its uploader sees it. */
export const pictureView = named(
  'Picture',
  shape({
    id,
    purpose: oneOf('avatar', 'artwork'),
    /** The track of an artwork. */
    trackId: nullable(id),
    /** `uploaded`: being processed. `replaced`: a later picture is shown. */
    state: oneOf('initiated', 'uploaded', 'ready', 'rejected', 'failed', 'aborted', 'expired', 'replaced', 'removed'),
    fileName: outputText,
    contentType: outputText,
    sizeBytes: count,
    color: nullable(outputText),
    /** Why it was rejected or failed, in words for the uploader. */
    error: nullable(shape({ code: outputText, message: outputText })),
    createdAt: timestamp,
    /** It waits for its file until then. */
    expiresAt: timestamp,
  }),
)
export type PictureView = Value<typeof pictureView>

export function viewPicture(picture: Picture): PictureView {
  const { id, purpose, trackId, state, fileName, contentType, sizeBytes, color, error } = picture
  const { createdAt, expiresAt } = picture
  return {
    ...{ id, purpose, state, fileName, contentType, sizeBytes },
    ...{ trackId: trackId ?? null, color: color ?? null, error: error ?? null },
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  }
}

/** Cache key of the URL of a file. */
export const fileUrlCacheKey = (pictureId: string, file: PictureFile): string => `picture-url:${pictureId}/${file}`

export const fileUrlCacheKeys = (pictureId: string): string[] =>
  pictureFiles.map(file => fileUrlCacheKey(pictureId, file))
