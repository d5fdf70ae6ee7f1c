// Restoring a version, and what is needed to take that back.
import type { WeftHistory } from 'weft-client'

export interface Restored {
  /** When the content was what it is again, in prose. */
  version: string
  /** The event that did it. */
  id: string
  /** The event before that one: restoring it takes this back. */
  before: string
}

/** Null if the document reads like that already. `known` is an event that happened before. */
export async function restoreVersion(past: WeftHistory, at: string, version: string, known: string): Promise<Restored | null> {
  const receipt = await past.restore(at)
  if (!receipt.changed) return null
  let before = known
  for await (const { id } of past.events({ after: known, until: receipt.id, updates: false })) {
    if (id !== receipt.id) before = id
  }
  return { version, id: receipt.id, before }
}
