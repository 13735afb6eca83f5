import { type Skill } from '../../kernel/product'
import { userChannel } from './channel'
import { getMe } from './get-me'

export { arrive } from './arrive'

export const userProfile: Skill = {
  operations: [getMe],
  channels: [userChannel],
}
