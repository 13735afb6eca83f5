import { sqlMigration } from './migration'

/** Tables of the pipeline and the workers that belong to no skill. */
export const kernel = sqlMigration(
  '2026-11-30-01-kernel',
  `
  -- Trigram indexes for search: migrations 03 (profiles) and 04 (tracks).
  create extension if not exists pg_trgm;

  -- Answers of operations that were called with an Idempotency-Key: a repeated call gets the stored answer.
  create table idempotency_keys (
    actor_id uuid not null,
    operation text not null,
    key text not null check (length(key) between 1 and 255),
    -- Hash of the input: the same key with another input is refused.
    input_digest text not null,
    -- Null only inside the transaction that claims the key.
    answer jsonb,
    created_at timestamptz not null,
    primary key (actor_id, operation, key)
  );
  create index idempotency_keys_created_at on idempotency_keys (created_at);

  -- Changes of counters (likes, followers, ...) that are not yet added to the rows that show them. Transactions only insert, so
  -- that two likes of one track never wait for each other; the applying job deletes what it adds up. Rows come and go all the
  -- time, hence the eager autovacuum.
  create table counter_changes (
    seq bigint generated always as identity primary key,
    -- Name of the counter, and the row that shows it.
    counter text not null,
    target_id uuid not null,
    change jsonb not null,
    at timestamptz not null
  ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
  create index counter_changes_of_target on counter_changes (target_id, counter, seq);

  -- Heartbeats of the job workers. The jobs of a worker that went silent are unlocked for the others.
  create table workers (
    id text primary key,
    heartbeat_at timestamptz not null
  );

  -- Progress of the hourly jobs that compare the object storage with the database.
  create table bucket_sweeps (
    area text primary key,
    -- Where the next run continues (an object key or an id); empty: at the beginning.
    cursor text not null default '',
    -- Missing objects found so far in this pass.
    missing_count integer not null default 0
  );
  `,
  `
  drop table bucket_sweeps, workers, counter_changes, idempotency_keys;
  drop extension pg_trgm;
  `,
)
