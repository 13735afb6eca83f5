/** Listens to what the page of a browser tells, where there is one; answers how to end that. */
export function onPage(listeners: Readonly<Record<string, () => void>>): () => void {
  const page = globalThis as unknown as Partial<Page>
  for (const [name, listener] of Object.entries(listeners)) page.addEventListener?.(name, listener)
  return () => {
    for (const [name, listener] of Object.entries(listeners)) page.removeEventListener?.(name, listener)
  }
}

/** As much of it as is used here: these sources compile without the types of browsers. */
interface Page {
  addEventListener(name: string, listener: () => void): void
  removeEventListener(name: string, listener: () => void): void
}
