import { count, id, instant, named, nullable, oneOf, shape, type Value, written } from '../../kernel/schema'
import { type Picture } from '../../models'
import { type PictureFile, pictureFiles } from './rules'

/**
 * A picture that is shown somewhere: its address is made of its id, `GET /pictures/:pictureId/:file`. Small, and the same
 * wherever this runs, since it travels in every row of every list and in events that are kept for days.
 */
export const pictureRef = named(
  'PictureRef',
  shape({
    id,
    /** Stands for it until it is loaded: `#rrggbb`. */
    color: written,
  }),
)
export type PictureRef = Value<typeof pictureRef>

/** As rows have it: an id and a colour, or neither. */
export const refOf = (id: string | null, color: string | null): PictureRef | null =>
  id === null ? null : { id, color: color ?? unknownColor }

/** SQL: the same of a row of profiles. */
export const avatarOf = (profile: string): string =>
  `case when ${profile}.avatar_id is not null
    then jsonb_build_object('id', ${profile}.avatar_id, 'color', coalesce(${profile}.avatar_color, '${unknownColor}')) end`

const unknownColor = '#808080'

/** A picture as whoever sent it sees it. */
export const pictureView = named(
  'Picture',
  shape({
    id,
    purpose: oneOf('avatar', 'artwork'),
    /** The track whose artwork it is to be. */
    trackId: nullable(id),
    /** `uploaded` is worked on; `replaced`: a later one is shown. */
    state: oneOf('initiated', 'uploaded', 'ready', 'rejected', 'failed', 'aborted', 'expired', 'replaced', 'removed'),
    fileName: written,
    contentType: written,
    sizeBytes: count,
    color: nullable(written),
    /** Why it was rejected or failed, in words for people. */
    fault: nullable(shape({ code: written, message: written })),
    createdAt: instant,
    /** Until then it waits for its file. */
    expiresAt: instant,
  }),
)
export type PictureView = Value<typeof pictureView>

export function viewPicture(picture: Picture): PictureView {
  const { id, purpose, trackId, state, fileName, contentType, sizeBytes, color, fault } = picture
  const { createdAt, expiresAt } = picture
  return {
    ...{ id, purpose, state, fileName, contentType, sizeBytes },
    ...{ trackId: trackId ?? null, color: color ?? null, fault: fault ?? null },
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  }
}

/** Where the address of a file of a picture is kept. */
export const addressCacheKey = (pictureId: string, file: PictureFile): string => `picture:${pictureId}/${file}`

export const addressCacheKeys = (pictureId: string): string[] =>
  pictureFiles.map(file => addressCacheKey(pictureId, file))
