export interface StateMachine<S extends string> {
  canTransition(this: void, from: S, to: S): boolean
  /** No transition leaves it. */
  isFinal(this: void, state: S): boolean
  /**
   * Returns the new state.
   * @throws Error on a transition that is not allowed: a bug, since callers check first
   */
  transition(this: void, from: S, to: S): S
}

/** The allowed transitions of a row, by state. `what` names the row in errors. */
export function stateMachine<S extends string>(
  what: string,
  transitions: Readonly<Record<S, readonly S[]>>,
): StateMachine<S> {
  const canTransition = (from: S, to: S) => transitions[from].includes(to)
  return {
    canTransition,
    isFinal: state => transitions[state].length === 0,
    transition(from, to) {
      if (!canTransition(from, to)) throw new Error(`${what} cannot go from ${from} to ${to}`)
      return to
    },
  }
}
