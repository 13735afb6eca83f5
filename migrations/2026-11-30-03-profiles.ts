import { sqlMigration } from './migration'

/** People: profiles, who follows and blocks whom, and revoked sessions. */
export const profiles = sqlMigration(
  '2026-11-30-03-profiles',
  `
  create table profiles (
    id uuid primary key,
    -- The \`sub\` claim of the person's access tokens.
    subject text not null unique,
    handle text not null check (handle ~ '^[A-Za-z0-9_]{3,30}$'),
    display_name text not null check (length(display_name) between 1 and 80),
    bio text not null default '' check (length(bio) <= 1000),
    -- A picture and its colour, copied here so that lists need no join. No foreign key: pictures refer to their owner already.
    avatar_id uuid,
    avatar_color text,
    follower_count integer not null default 0 check (follower_count >= 0),
    following_count integer not null default 0 check (following_count >= 0),
    -- Clients keep the counts with the highest revision; \`rev\` is that of all other fields.
    counts_rev integer not null default 1,
    rev integer not null default 1,
    -- Whether plays are added to the listening history.
    history_enabled boolean not null default true,
    created_at timestamptz not null
  );
  create unique index profiles_handle on profiles (lower(handle));
  create index profiles_handle_trigrams on profiles using gin (lower(handle) gin_trgm_ops);
  create index profiles_display_name_trigrams on profiles using gin (lower(display_name) gin_trgm_ops);

  -- Handles that were given up. They redirect to their owner, and nobody else may take them for a while.
  create table handle_redirects (
    handle text primary key check (handle = lower(handle)),
    profile_id uuid not null references profiles on delete cascade,
    released_at timestamptz not null
  );
  create index handle_redirects_of_profile on handle_redirects (profile_id, released_at desc);

  create table follows (
    follower_id uuid not null references profiles on delete cascade,
    followee_id uuid not null references profiles on delete cascade,
    created_at timestamptz not null,
    primary key (follower_id, followee_id),
    check (follower_id <> followee_id)
  );
  create index follows_of_followee on follows (followee_id, created_at desc, follower_id desc);
  create index follows_of_follower on follows (follower_id, created_at desc, followee_id desc);

  create table blocks (
    blocker_id uuid not null references profiles on delete cascade,
    blocked_id uuid not null references profiles on delete cascade,
    created_at timestamptz not null,
    primary key (blocker_id, blocked_id),
    check (blocker_id <> blocked_id)
  );
  create index blocks_of_blocked on blocks (blocked_id);
  create index blocks_of_blocker on blocks (blocker_id, created_at desc, blocked_id desc);

  -- Access tokens that are refused before they expire, read by every node.
  create table revocations (
    id bigint generated always as identity primary key,
    profile_id uuid not null references profiles on delete cascade,
    -- Null: all sessions of the person, except \`except_session_id\`.
    session_id text check (length(session_id) between 1 and 255),
    except_session_id text check (length(except_session_id) between 1 and 255),
    -- Tokens issued until then are refused.
    issued_until timestamptz not null,
    -- The person, or a moderator.
    revoked_by uuid references profiles on delete set null,
    -- Ids do not follow the order of the commits. Nodes page by transaction id instead, so that none is skipped.
    transaction_id xid8 not null default pg_current_xact_id(),
    check (session_id is null or except_session_id is null)
  );
  create index revocations_by_transaction on revocations (transaction_id);
  create index revocations_of_profile on revocations (profile_id);
  create index revocations_of_revoker on revocations (revoked_by);
  create index revocations_by_issued_until on revocations (issued_until);
  `,
  'drop table revocations, blocks, follows, handle_redirects, profiles;',
)
