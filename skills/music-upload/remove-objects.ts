import { job } from '../../kernel/job'
import { list, pattern, shape } from '../../kernel/schema'

/** At least one whole id: a shorter prefix would empty the bucket. */
const uuid = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const prefix = pattern(new RegExp(`^(incoming/${uuid}|audio/${uuid}(/${uuid})?)/?$`), 100)

/** Deletes objects from the bucket. Succeeds when they do not exist. */
export const removeObjects = job({
  name: 'music-upload.removeObjects',
  payload: shape({ prefixes: list(prefix, 100) }),
  attemptsMax: 20,

  async run({ prefixes }, { world }) {
    for (const prefix of prefixes) await world.storage.removeUnder(prefix)
  },
})
