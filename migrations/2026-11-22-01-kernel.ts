import { sqlMigration } from './migration'

/**
 * What the pipeline itself needs: answers remembered by key, events that wait for their place in the one order, and those
 * that have it and are on their way to their followers.
 */
export const kernelTables = sqlMigration(
  '2026-11-22-01-kernel',
  `
  create table idempotency_keys (
    actor_id uuid not null,
    operation text not null,
    key text not null check (length(key) between 1 and 255),
    digest text not null,
    answer jsonb,
    created_at timestamptz not null,
    primary key (actor_id, operation, key)
  );
  create index idempotency_keys_created_at on idempotency_keys (created_at);

  create table pending_events (
    seq bigint generated always as identity primary key,
    id uuid not null unique,
    name text not null,
    at timestamptz not null,
    channels jsonb not null,
    data jsonb not null
  );

  create table event_log (
    position bigint primary key,
    id uuid not null,
    name text not null,
    at timestamptz not null,
    channels jsonb not null,
    data jsonb not null,
    placed_at timestamptz not null default now()
  );
  `,
  'drop table event_log; drop table pending_events; drop table idempotency_keys;',
)
