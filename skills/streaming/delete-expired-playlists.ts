import { job } from '../../kernel/events/job'
import { emptyObject } from '../../kernel/pipeline/schema'
import { expiryHour, signedPlaylistsPrefix } from './store-signed-playlists'

/** Deletes signed playlists after their expiry: they are stored in folders by the hour of their expiry. */
export const deleteExpiredPlaylists = job({
  name: 'streaming.deleteExpiredPlaylists',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '27 * * * *',

  async run(_payload, { app, signal }) {
    const currentFolder = `${signedPlaylistsPrefix}${expiryHour(new Date(app.clock.now()))}/`
    for (const folder of await app.storage.listPrefixes(signedPlaylistsPrefix)) {
      if (folder >= currentFolder || signal.aborted) return
      await app.storage.deletePrefix(folder)
    }
  },
})
