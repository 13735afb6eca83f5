import { event } from '../../kernel/events/event'
import { reaction } from '../../kernel/events/reaction'
import { newId } from '../../kernel/pipeline/new-id'
import { job } from '../../kernel/events/job'
import { operation } from '../../kernel/pipeline/operation'
import { toPage, pageOf, pageSize, pagingFields, parseCursor } from '../../kernel/pipeline/paging'
import { createRegistry } from '../../kernel/pipeline/registry'
import { refusals } from '../../kernel/pipeline/refusals'
import { count, id, line, optional, shape, integer, outputText } from '../../kernel/pipeline/schema'
import * as userProfile from '../../skills/user-profile'
import { provisionProfile } from '../../skills/user-profile/provision-profile'

/** The tables of a minimal registry for tests of the kernel; some of its operations misbehave. */
export const notesTable = `
  create table notes (id uuid primary key, owner uuid not null, body text not null, rev integer not null default 1);
  create table echoes (note uuid primary key references notes)`

const noteView = shape({ id, body: outputText, rev: count })

export const noteAdded = event({
  name: 'notes.noteAdded',
  summary: 'A note was added',
  payload: shape({ id, owner: id, body: outputText }),
  channels: ({ owner }) => [`user:${owner}`],
  staleKeys: note => [`note:${note.id}`],
})

export const copyNote = job({
  name: 'notes.copyNote',
  payload: shape({ id }),
  attemptsMax: 3,
  async run({ id: note }, { app, transact, attempt }) {
    if (failureSwitches.copyFails >= attempt) throw new Error('the copier is out of paper')
    await transact(async ({ emit }) => {
      await app.db.query(`insert into echoes values (:note) on conflict do nothing`, { note })
      await emit(noteAdded, { id: note, owner: note, body: 'copied' })
    })
  },
})

/** Switches with which a test makes operations, reactions and jobs fail. */
export const failureSwitches = {
  reactionFails: false,
  copyFails: 0,
  duringAdd: async (): Promise<void> => undefined,
}

const echo = reaction({
  to: noteAdded,
  because: 'every note has an echo',
  async react({ id: note, body }, { app }) {
    if (failureSwitches.reactionFails) throw refusals.conflict('no echo')
    if (body !== 'copied') await app.db.query('insert into echoes values (:note)', { note })
  },
})

const signedIn = {
  auth: 'signed-in',
  limit: { perMinute: 100_000 },
  load: async () => null,
  allow: () => true,
} as const

export const addNote = operation({
  ...signedIn,
  name: 'notes.addNote',
  route: 'POST /notes',
  summary: 'Add a note',
  input: shape({ body: line(100) }),
  output: noteView,
  idempotency: 'keyed',
  status: 201,
  async run({ input: { body }, actor }, { app, now, emit, enqueue }) {
    const note = newId(now)
    await app.db.query('insert into notes values (:note, :owner, :body)', { note, owner: actor.id, body })
    await emit(noteAdded, { id: note, owner: actor.id, body })
    await enqueue(copyNote, { id: note })
    await failureSwitches.duringAdd()
    if (body === 'refuse') throw refusals.conflict('as wished')
    if (body === 'break') throw new Error('a bug, with a secret inside')
    return { id: note, body, rev: 1 }
  },
})

export const editNote = operation({
  ...signedIn,
  name: 'notes.editNote',
  route: 'PATCH /notes/:noteId',
  summary: 'Change a note',
  input: shape({ noteId: id, body: optional(line(100)), rev: optional(integer(1, 1_000_000)) }),
  output: noteView,
  idempotency: 'natural',
  async run({ input: { noteId, body = '', rev } }, { app }) {
    const find = 'select id, body, rev from notes where id = :noteId for update'
    const [note] = await app.db.query<{ id: string; body: string; rev: number }>(find, { noteId })
    if (note === undefined) throw refusals.notFound()
    if (rev !== undefined && rev !== note.rev) throw refusals.staleRevision(undefined, { current: note })
    const changed = { id: noteId, body, rev: note.rev + 1 }
    await app.db.query('update notes set body = :body, rev = :rev where id = :id', changed)
    return changed
  },
})

export const listNotes = operation({
  ...signedIn,
  name: 'notes.listNotes',
  route: 'GET /notes',
  summary: 'List your notes',
  input: shape({ ...pagingFields }),
  output: pageOf(noteView),
  idempotency: 'read',
  async run({ input, actor }, { app }) {
    const size = pageSize(input)
    const [body, after] = parseCursor(input, 2) ?? ['', '00000000-0000-0000-0000-000000000000']
    const rows = await app.db.query<{ id: string; body: string; rev: number }>(
      `select id, body, rev from notes where owner = :owner and (body, id) > (:body, :after)
       order by body, id limit :size`,
      { owner: actor.id, body, after, size: size + 1 },
    )
    return toPage(rows, size, note => [note.body, note.id])
  },
})

export const readThatWrites = operation({
  ...signedIn,
  name: 'notes.readThatWrites',
  route: 'GET /notes/written',
  summary: 'A read that writes, which must fail',
  input: shape({}),
  output: shape({}),
  idempotency: 'read',
  async run({ actor }, { app, now }) {
    await app.db.query('insert into notes values (:note, :owner, :body)', {
      note: newId(now),
      owner: actor.id,
      body: 'sneaky',
    })
    return {}
  },
})

export const clearNotes = operation({
  ...signedIn,
  name: 'notes.clearNotes',
  route: 'DELETE /notes',
  summary: 'Its `allow` does not check the role',
  auth: 'moderator',
  input: shape({}),
  output: shape({}),
  idempotency: 'natural',
  run: async () => ({}),
})

export const limitedRead = operation({
  ...signedIn,
  name: 'notes.limitedRead',
  route: 'GET /seldom',
  summary: 'Limited to three calls a minute',
  auth: 'public',
  limit: { perMinute: 3 },
  input: shape({}),
  output: shape({}),
  idempotency: 'read',
  run: async () => ({}),
})

export const invalidOutput = operation({
  ...signedIn,
  name: 'notes.invalidOutput',
  route: 'GET /wrong-answer',
  summary: 'Its output does not match the schema',
  input: shape({}),
  output: shape({}),
  idempotency: 'read',
  run: async () => ({ secret: 'more' }),
})

export const notes = {
  ...{ addNote, editNote, listNotes, readThatWrites, clearNotes, limitedRead, invalidOutput },
  ...{ noteAdded, echo, copyNote },
}

export const notesRegistry = createRegistry([userProfile, notes], provisionProfile)
