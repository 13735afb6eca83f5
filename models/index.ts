import { Block } from './block'
import { Comment } from './comment'
import { Follow } from './follow'
import { Like } from './like'
import { Profile } from './profile'
import { Repost } from './repost'
import { Track } from './track'

export const models = [Block, Comment, Follow, Like, Profile, Repost, Track]

export { Block, Comment, Follow, Like, Profile, Repost, Track }
