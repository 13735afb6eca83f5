import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { hourOf, playlistsRoot } from './store-playlists'

/** Removes the playlists whose addresses have expired: each lies in the folder of its hour. */
export const forgetPlaylists = job({
  name: 'streaming.forgetPlaylists',
  payload: nothing,
  attemptsMax: 3,
  cron: '27 * * * *',

  async run(_payload, { world, signal }) {
    const present = `${playlistsRoot}${hourOf(new Date(world.clock.now()))}/`
    for (const folder of await world.storage.foldersUnder(playlistsRoot)) {
      if (folder >= present || signal.aborted) return
      await world.storage.removeUnder(folder)
    }
  },
})
