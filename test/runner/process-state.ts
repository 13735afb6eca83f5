const emitted = ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect', 'exit', 'beforeExit', 'warning']

/** Remembers what a test file may change in its process. @returns what puts it back */
export function processState(): () => void {
  const globals = Object.getOwnPropertyDescriptors(globalThis)
  const keys = new Set(Reflect.ownKeys(globals))
  const variables = { ...process.env }
  const folder = process.cwd()
  const own = Object.getOwnPropertyDescriptors(process)
  const listeners = emitted.map(event => [event, process.rawListeners(event)] as const)
  return () => {
    for (const key of Reflect.ownKeys(globalThis)) if (!keys.has(key)) Reflect.deleteProperty(globalThis, key)
    for (const key of keys) putBack(key, Reflect.getOwnPropertyDescriptor(globals, key)?.value as PropertyDescriptor)
    for (const name of Object.keys(process.env)) if (!(name in variables)) Reflect.deleteProperty(process.env, name)
    Object.assign(process.env, variables)
    if (process.cwd() !== folder) process.chdir(folder)
    Object.defineProperties(process, { execArgv: own.execArgv, exit: own.exit })
    for (const [event, before] of listeners)
      for (const listener of process.rawListeners(event))
        if (!before.includes(listener)) process.off(event, listener as () => void)
  }
}

function putBack(key: string | symbol, before: PropertyDescriptor): void {
  const now = Reflect.getOwnPropertyDescriptor(globalThis, key)
  // An accessor that Node resolves at its first use is no change.
  if (!('value' in before) || (now !== undefined && now.value === before.value)) return
  Reflect.defineProperty(globalThis, key, before)
}
