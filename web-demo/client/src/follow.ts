// What all ways of following a document have in common: each begins at a position, tells what comes, and ends.
import type { ServerState } from './difference.js'
import type { WeftError } from './error.js'

export type Transport = 'sse' | 'websocket' | 'long-poll' | 'poll'

/** Where a reader stands: after an event, or at a state vector, or (neither) at the beginning. */
export interface From {
  lastEventId: string | null
  /** Of the document as it is; null if it is empty. */
  stateVector: Uint8Array | null
}

/** All that the document lacked. */
export interface Sync {
  update: Uint8Array
  /** The position that is reached with it. */
  id: string
  /** What the server's document is, where the transport tells. */
  serverState: (() => ServerState) | null
}

/** None of them is called any more once the follower is closed. */
export interface FollowHandlers {
  onOpen(transport: Transport): void
  /** The position is not of the document's present life; `onSync` follows. */
  onReset(reason: string): void
  onSync(sync: Sync): void
  /** Without an id where the transport tells none: the position stays. */
  onUpdate(update: Uint8Array, id: string | null): void
  onAwareness(update: Uint8Array): void
  /** The server had these present, perhaps ourselves, and has no longer. */
  onGone(clientIds: number[]): void
  /** Ourselves, if the server has taken our state as it is: it must be among those present, else we are gone. */
  ownPresence(): number | null
  /** The delay before a first new attempt. */
  onRetry(ms: number): void
}

export type FollowEnd =
  /** The server ended it, or it was closed. */
  | { kind: 'ended' }
  /** No connection, one that broke, silence, or bytes that make no sense. */
  | { kind: 'failed'; error: Error }
  /** The server answered, but with a problem. */
  | { kind: 'refused'; error: WeftError }
  | { kind: 'deleted' }

/** One attempt, from the request to its end, whatever ends it. */
export interface Follower {
  run(from: From): Promise<FollowEnd>
  close(): void
  /**
   * Sends local edits the same way, where that way goes up as well as down. True: they are on the server's disk. False:
   * that is not known, and must be asked for with a POST.
   */
  sendUpdate?(update: Uint8Array): Promise<boolean>
  /** False: it could not be sent. */
  sendAwareness?(update: Uint8Array): boolean
}

const RETRY_MS_MIN = 1000
const RETRY_MS_MAX = 5000

/** Drawn as the server does it for each stream, for transports where it does not: who are cut off together shall not come back together. */
export function drawRetryMs(): number {
  return RETRY_MS_MIN + Math.random() * (RETRY_MS_MAX - RETRY_MS_MIN)
}

/** Hands an event over. What throws there is mostly an observer of the document: tell, since an end of the connection looks like the network. */
export function deliver(event: () => void): void {
  try {
    event()
  } catch (error) {
    console.error('weft: an event could not be applied', error)
    throw error
  }
}

/** What an attempt failed of: why it was aborted, if it was. */
export function reasonFor(error: unknown, signal: AbortSignal): Error {
  const reason: unknown = signal.aborted ? signal.reason : error
  return reason instanceof Error ? reason : new Error(String(error))
}
