/** A UUID as PostgreSQL prints it, for use within regular expressions. */
export const uuidPattern = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'

const wholeUuid = new RegExp(`^${uuidPattern}$`)
export const isUuid = (text: string): boolean => wholeUuid.test(text)

/** The ends of the order of ids, for ranges. */
export const [firstUuid, lastUuid] = ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']
