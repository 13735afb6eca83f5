/** Things to do later, all of which can be called off at once. */
export class Timers {
  private readonly running = new Set<ReturnType<typeof setTimeout>>()

  start(ms: number, what: () => void): void {
    const timer = setTimeout(() => {
      this.running.delete(timer)
      what()
    }, ms)
    this.running.add(timer)
  }

  callOff(): void {
    for (const timer of this.running) clearTimeout(timer)
    this.running.clear()
  }
}
