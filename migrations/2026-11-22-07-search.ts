import { sqlMigration } from './migration'

/** Trigrams find the beginnings of words, and words that are almost the same. */
export const search = sqlMigration(
  '2026-11-22-07-search',
  `
  create extension if not exists pg_trgm;
  create index tracks_title_trigrams on tracks using gin (lower(title) gin_trgm_ops)
    where visibility = 'public' and state = 'ready' and removed_at is null;
  create index tracks_genre_lower on tracks (lower(genre))
    where visibility = 'public' and state = 'ready' and removed_at is null;
  create index profiles_handle_trigrams on profiles using gin (lower(handle) gin_trgm_ops);
  create index profiles_display_name_trigrams on profiles using gin (lower(display_name) gin_trgm_ops);
  `,
  `
  drop index profiles_display_name_trigrams;
  drop index profiles_handle_trigrams;
  drop index tracks_genre_lower;
  drop index tracks_title_trigrams;
  drop extension pg_trgm;
  `,
)
