import { job } from '../../kernel/job'
import { list, pattern, shape } from '../../kernel/schema'

/** Never less than one whole id: a short prefix would empty the bucket. */
const prefix = pattern(/^(incoming|audio)\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\/([0-9a-f-]{36})?)?$/, 100)

/** Removes what nobody needs any more from the bucket. What is not there is removed already. */
export const removeObjects = job({
  name: 'music-upload.removeObjects',
  payload: shape({ prefixes: list(prefix, 100) }),
  attemptsMax: 20,

  async run({ prefixes }, { world }) {
    for (const prefix of prefixes) await world.storage.removeUnder(prefix)
  },
})
