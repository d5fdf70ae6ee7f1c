// The local awareness state on its way to the server: always the latest one, one request in flight.
import { type Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness'
import { type Backoff, Pause } from './backoff.js'
import { WeftError } from './error.js'

export interface PresenceHost {
  post(update: Uint8Array): Promise<void>
  onProblem(error: WeftError): void
}

export class Presence {
  readonly #awareness: Awareness
  readonly #host: PresenceHost
  readonly #backoff: Backoff
  /** At most one request in this time: a caret moves with every key. */
  readonly #intervalMs: number
  readonly #pause = new Pause()
  #open = false
  #changed = false
  #pumping = false
  #told = false

  constructor(awareness: Awareness, host: PresenceHost, backoff: Backoff, intervalMs: number) {
    this.#awareness = awareness
    this.#host = host
    this.#backoff = backoff
    this.#intervalMs = intervalMs
  }

  /** The local state has changed, or was renewed. */
  announce(): void {
    this.#changed = true
    if (!this.#open || this.#pumping) return
    this.#pumping = true
    setTimeout(() => void this.#pump(), 0)
  }

  /** The server has taken the local state, as it is. */
  get isTold(): boolean {
    return this.#told && !this.#changed && this.#awareness.getLocalState() !== null
  }

  /** A connection has begun. */
  open(): void {
    this.#open = true
    this.#backoff.reset()
    this.#pause.wake()
    this.renew()
  }

  /** Makes the local state known again. Its clock goes up, since others who saw it removed in between ignore a clock that they know. */
  renew(): void {
    const state = this.#awareness.getLocalState()
    if (state !== null) this.#awareness.setLocalState(state)
  }

  close(): void {
    this.#open = false
    this.#told = false
    this.#pause.wake()
  }

  /** The announcement that we are gone, at the present clock. */
  farewell(): Uint8Array {
    return encodeAwarenessUpdate(this.#awareness, [this.#awareness.clientID], new Map())
  }

  async #pump(): Promise<void> {
    while (this.#open && this.#changed) {
      this.#changed = false
      this.#told = false
      let waitMs = this.#intervalMs
      try {
        await this.#host.post(encodeAwarenessUpdate(this.#awareness, [this.#awareness.clientID]))
        this.#told = this.#open
        this.#backoff.reset()
      } catch (error) {
        waitMs = this.#failed(error)
      }
      await this.#pause.wait(waitMs)
    }
    this.#pumping = false
  }

  /** A refused state is not repeated: the next change, or the renewal every 15 s, is another try. */
  #failed(error: unknown): number {
    if (!(error instanceof WeftError)) {
      this.#changed = true
      return this.#backoff.next()
    }
    this.#host.onProblem(error)
    if (error.retryable) this.#changed = true
    return this.#backoff.next(error.retryAfterMs)
  }
}
