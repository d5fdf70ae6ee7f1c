// What the server lacks of a local document.
import * as Y from 'yjs'

/** What is known of the server's document. */
export interface ServerState {
  stateVector: Uint8Array
  /** Those that are known: a state vector does not speak of deletions. */
  deletions: ReturnType<typeof Y.createDeleteSet>
}

/** What an update that holds a whole document says of it. */
export function serverStateOf(whole: Uint8Array): ServerState {
  return { stateVector: Y.encodeStateVectorFromUpdate(whole), deletions: deletionsOf(whole) }
}

export function deletionsOf(update: Uint8Array): ReturnType<typeof Y.createDeleteSet> {
  return Y.mergeDeleteSets([Y.decodeUpdate(update).ds])
}

/** Whether there is anything in the document, be it only updates that wait for others. */
export function hasContent(doc: Y.Doc): boolean {
  return doc.store.clients.size > 0 || doc.store.pendingStructs !== null || doc.store.pendingDs !== null
}

/** One update with everything that the server lacks or, of deletions, may lack; null if it lacks nothing. */
export function lackedByServer(doc: Y.Doc, server: ServerState): Uint8Array | null {
  const difference = Y.encodeStateAsUpdate(doc, server.stateVector)
  const known = Y.createSnapshot(server.deletions, Y.decodeStateVector(server.stateVector))
  return Y.snapshotContainsUpdate(known, difference) ? null : difference
}
