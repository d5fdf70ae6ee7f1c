// What an application tells the provider, and what it hears.
import type { Awareness } from 'y-protocols/awareness'
import type { WeftError } from './error.js'
import type { Transport } from './follow.js'
import type { WeftProvider } from './provider.js'
import type { RequestOptions } from './server.js'
import type { TransportOptions } from './transports.js'

export interface WeftProviderOptions extends RequestOptions, TransportOptions {
  /** Connect at once (the default), or when connect() is called. */
  connect?: boolean
  awareness?: Awareness
  /** The longest delay between two attempts, in milliseconds. */
  maxBackoffTime?: number
  /** Do not talk to other tabs of this browser. The default outside of a browser. */
  disableBc?: boolean
  /** At most one presence message in this time, in milliseconds. */
  awarenessInterval?: number
  /** The position of a document that was stored together with it. Give it only with the whole stored document loaded. */
  lastEventId?: string
}

// A type rather than an interface: ObservableV2 wants one with an index signature.
export type WeftProviderEvents = {
  status(event: { status: 'connecting' | 'connected' | 'disconnected' }): void
  /** How the document is followed now. */
  transport(event: { transport: Transport }): void
  sync(synced: boolean): void
  synced(synced: boolean): void
  /** The number of local edits without an acknowledgement has changed. */
  unsent(count: number): void
  /** The server answered with a problem. If it is not `retryable`, sending has stopped: see `refused`. */
  error(error: WeftError, provider: WeftProvider): void
  /** The server's document is not the one our position is of. */
  reset(event: { reason: string }, provider: WeftProvider): void
  /** The document was deleted; `replaced`: and has been created again since. The provider has stopped. */
  deleted(event: { replaced: boolean }, provider: WeftProvider): void
  /** The provider has stopped by itself. */
  closed(event: { code: number; reason: string }, provider: WeftProvider): void
  'connection-error'(error: Error, provider: WeftProvider): void
  'connection-close'(event: { reason: string } | null, provider: WeftProvider): void
}
