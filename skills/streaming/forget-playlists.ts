import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { hourOf, playlistsRoot } from './store-playlists'

/** Deletes signed playlists after their expiry: they are stored in folders by the hour of their expiry. */
export const forgetPlaylists = job({
  name: 'streaming.forgetPlaylists',
  payload: nothing,
  attemptsMax: 3,
  cron: '27 * * * *',

  async run(_payload, { world, signal }) {
    const currentFolder = `${playlistsRoot}${hourOf(new Date(world.clock.now()))}/`
    for (const folder of await world.storage.foldersUnder(playlistsRoot)) {
      if (folder >= currentFolder || signal.aborted) return
      await world.storage.removeUnder(folder)
    }
  },
})
