/** Source file to source map, of what this process has loaded. */
export declare const sourceMaps: Map<string, string>

/** A rule that is taken away from one source file, to see that a test fails. */
export interface Mutation {
  file: string
  /** What is found, exactly once, and what is put in its place. */
  edits: readonly (readonly [find: string, put: string])[]
}

/** Compiles with this change, or with none, what is loaded from now on. */
export declare function setMutation(mutation: Mutation | undefined): void
