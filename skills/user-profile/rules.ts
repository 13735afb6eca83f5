/** Handles that could be mistaken for staff or for a path. */
const reservedHandles = new Set([
  ...['admin', 'administrator', 'api', 'everyone', 'help', 'here', 'me', 'moderator', 'official', 'root', 'security'],
  ...['settings', 'staff', 'support', 'system', 'team', 'tutti'],
])

export const isReservedHandle = (handle: string): boolean => reservedHandles.has(handle.toLowerCase())
