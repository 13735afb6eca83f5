const agentCharsMax = 256

/** What a program says it is in its User-Agent header. Anybody may say anything: it tells callers apart, and proves nothing. */
export const agentOf = (header: string | undefined): string | null => header?.slice(0, agentCharsMax) ?? null
