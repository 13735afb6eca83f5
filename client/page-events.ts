/** Listens to events of the browser's `window`; does nothing in Node. Returns a function that removes the listeners. */
export function listenToPage(listeners: Readonly<Record<string, () => void>>): () => void {
  const page = globalThis as unknown as Partial<Page>
  for (const [name, listener] of Object.entries(listeners)) page.addEventListener?.(name, listener)
  return () => {
    for (const [name, listener] of Object.entries(listeners)) page.removeEventListener?.(name, listener)
  }
}

/** The used part of `window`: these sources compile without DOM types. */
interface Page {
  addEventListener(name: string, listener: () => void): void
  removeEventListener(name: string, listener: () => void): void
}
