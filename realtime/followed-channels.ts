import { type Socket } from 'socket.io'

/** Socket.IO rooms that are channels; the others are ours and the sockets' own. */
export const isChannel = (room: string): boolean => room.includes(':')

/** The channels that a socket follows. */
export const followedChannels = (socket: Socket): string[] => [...socket.rooms].filter(isChannel)
