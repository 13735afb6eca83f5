import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { importOffences, offences, wordOffences } from '../dev/architecture'
import { importCircles, importGraph } from '../dev/import-circles'
import { tablesOfModels, tableWriters, writeOffences } from '../dev/table-writers'
import { registry } from '../skills'

const root = resolve(__dirname, '..')
const models = tablesOfModels(root)

describe('the architecture rules', () => {
  it('hold for every file', () => {
    expect(offences(root)).toEqual([])
  })

  it.each([
    ['models/track.ts', `import { execute } from '../kernel/execute'`],
    ['kernel/pipeline/execute.ts', `import { Track } from '../../models'`],
    ['kernel/pipeline/execute.ts', `import { likeTrack } from '../../skills/interactions/like-track'`],
    ['kernel/pipeline/limits.ts', `import Joi from 'joi'`],
    ['kernel/platform/storage.ts', `import { runTool } from '../../media/run-tool'`],
    ['media/audio/encode-audio.ts', `import { newId } from '../../kernel/pipeline/new-id'`],
    ['media/audio/encode-audio.ts', `import { audioTypes } from '../../skills/music-upload/rules'`],
    ['skills/feed/get-feed.ts', `import { addItem } from '../playlists/add-item'`],
    ['skills/feed/get-feed.ts', `import { createExpressApp } from '../../server/express-app'`],
    ['skills/feed/get-feed.ts', `import { Redis } from 'ioredis'`],
    ['skills/feed/get-feed.ts', `const { PutObjectCommand } = require('@aws-sdk/client-s3')`],
    ['server/rest.ts', `import { openGateway } from '../realtime/gateway'`],
    ['server/rest.ts', `import { likeTrack } from '../skills/interactions/like-track'`],
    ['realtime/calls/operation-calls.ts', `import express from 'express'`],
    ['client/index.ts', `import { execute } from '../kernel/execute'`],
  ])('reject in %s: %s', (file, source) => {
    expect(importOffences(file, source)).toHaveLength(1)
  })

  it.each([
    ['skills/feed/get-feed.ts', `import { trackView } from '../tracks/views'`],
    ['skills/feed/get-feed.ts', `import { Track } from '../../models'`],
    ['skills/feed/get-feed.ts', `import { peaksMax } from '../../media/audio/peaks'`],
    ['skills/index.ts', `import { feed } from './feed'`],
    ['server/main.ts', `import { openGateway } from '../realtime/gateway'`],
    ['kernel/platform/database.ts', `import { models } from '../../models'`],
  ])('allow in %s: %s', (file, source) => {
    expect(importOffences(file, source)).toEqual([])
  })

  it.each([
    ['skills/feed/get-feed.ts', 'await sequelize.transaction(async () => 1)'],
    ['skills/feed/get-feed.ts', 'const now = Date.now()'],
    ['realtime/calls/operation-calls.ts', `socket.on('x', () => undefined)`],
    ['server/express-app.ts', 'process.env.PORT'],
    ['skills/tracks/get-waveform.ts', `await app.storage.download(key, path, { etag, signal })`],
    ['skills/music-upload/finalize-upload.ts', `await downloadIncoming(upload, path, context)`],
    ['skills/tracks/get-waveform.ts', `import { spawn } from 'node:child_process'`],
  ])('reject in %s: %s', (file, source) => {
    expect(wordOffences(file, source)).toHaveLength(1)
  })

  it.each([
    ['skills/feed/get-feed.ts', 'await db.query(`insert into likes (track_id) values (:trackId)`)'],
    ['skills/feed/get-feed.ts', 'await db.query(`with gone as (delete from comments returning id) select 1`)'],
    ['skills/feed/get-feed.ts', 'await Track.create({ title })'],
    ['skills/feed/get-feed.ts', 'await insertIfAbsent(Follow, { followerId })'],
    ['skills/feed/get-feed.ts', 'await party.save()'],
    ['server/rest.ts', 'await db.query(`update event_inbox set seen = true`)'],
  ])('reject a write of a table of another room in %s: %s', (file, source) => {
    expect(writeOffences(file, source, models)).toHaveLength(1)
  })

  it.each([
    ['skills/interactions/like-track.ts', 'await db.query(`insert into likes (track_id) values (:trackId)`)'],
    ['skills/feed/get-feed.ts', 'await db.query(`select * from likes`) // an update of likes'],
  ])('allow in %s: %s', (file, source) => {
    expect(writeOffences(file, source, models)).toEqual([])
  })

  it('name the writers of every table', async () => {
    const created = readdirSync(join(root, 'migrations')).flatMap(name => [
      ...readFileSync(join(root, 'migrations', name), 'utf8').matchAll(/create table (?:if not exists )?(\w+)/g),
    ])
    expect([...new Set(created.map(([, table = '']) => table))].sort()).toEqual(Object.keys(tableWriters).sort())
    expect([...models.values()].filter(table => !(table in tableWriters))).toEqual([])
  })

  it('detect circular imports, including type imports', () => {
    const graph = new Map([
      ['a.ts', ['b.ts', 'c.ts']],
      ['b.ts', ['c.ts']],
      ['c.ts', ['a.ts']],
    ])
    expect(importCircles(graph)).toEqual(['a.ts -> b.ts -> c.ts -> a.ts'])
    const sources = new Map([['dev/architecture.ts', `import { type X } from './table-writers'`]])
    expect(importGraph(root, sources)).toEqual(new Map([['dev/architecture.ts', ['dev/table-writers.ts']]]))
  })
})

describe('every operation file', () => {
  const files = readdirSync(join(root, 'skills'), { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.ts'),
  )
  const declaring = files.filter(file => / = operation\(\{/.test(readFileSync(join(root, 'skills', file), 'utf8')))

  it('declares one registered operation', () => {
    expect(declaring).toHaveLength(registry.operations.length)
  })

  it('is named after its operation', () => {
    const named = registry.operations.map(({ name }) => {
      const [skill = '', verb = ''] = name.split('.')
      return `${skill}/${verb.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}.ts`
    })
    expect(declaring.sort()).toEqual(named.sort())
  })

  it('has a test', () => {
    const tests = readdirSync(join(root, 'test', 'skills'), { recursive: true, encoding: 'utf8' })
    const sources = tests.filter(file => file.endsWith('.ts'))
    const tested = sources.map(file => readFileSync(join(root, 'test', 'skills', file), 'utf8'))
    const untested = declaring.filter(file => {
      const name = file.split('/').at(-1)?.replace('.ts', '')
      return !tested.some(source => source.includes(`/${name}'`))
    })
    expect(untested).toEqual([])
  })
})
