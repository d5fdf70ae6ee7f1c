// Local updates on their way to the server.
//
// Happy path: add() queues, #pump() merges what has gathered into one batch and posts it; the answer acknowledges the
// batch, and what gathered meanwhile is the next one. There is one request in flight, so the server sees edits in order.
//
// Failures: a network error or an answer that may be different later keeps the batch and tries again, ever more slowly.
// A refusal that will not change is tried with half of the batch, down to a single update; then sending stops with
// `refused` set, since later edits build upon the refused one and would only wait for it on the server. retry() tries again.
// Nothing leaves the queue but by an acknowledgement, by replace() and by clear().
import * as Y from 'yjs'
import type { Backoff } from './backoff.js'
import { Pause } from './backoff.js'
import { saysDeleted, saysEpochChanged, WeftError } from './error.js'

/** Merging takes time that grows with the square of the number of updates; this many take some milliseconds. */
const BATCH_UPDATES_MAX = 500
const BATCH_BYTES_MAX = 4 * 1024 * 1024

interface Entry {
  update: Uint8Array
  /** How many local edits are in it. */
  edits: number
}

export interface OutboxHost {
  /** Resolves when the update is on the server's disk. */
  post(update: Uint8Array): Promise<void>
  /** The number of unsent edits has changed. */
  onCount(): void
  /** The server answered with a problem; `error.retryable` tells whether the batch is tried again. */
  onProblem(error: WeftError): void
  /** The document has another epoch than `post` named. The outbox is closed; open it when that is sorted out. */
  onEpochChanged(delayMs: number): void
  onDeleted(): void
}

export class Outbox {
  /** The refusal that made sending stop; null while all is well. */
  refused: WeftError | null = null
  readonly #host: OutboxHost
  readonly #backoff: Backoff
  readonly #pause = new Pause()
  #queue: Entry[] = []
  #batchMax = BATCH_UPDATES_MAX
  #open = false
  #pumping = false

  constructor(host: OutboxHost, backoff: Backoff) {
    this.#host = host
    this.#backoff = backoff
  }

  /** Local edits that the server has not acknowledged. */
  get edits(): number {
    return this.#queue.reduce((sum, entry) => sum + entry.edits, 0)
  }

  add(update: Uint8Array): void {
    this.#queue.push({ update, edits: 1 })
    this.#host.onCount()
    this.#start()
  }

  /** Puts one update in the place of everything queued; null: the server has all of it already. */
  replace(update: Uint8Array | null): void {
    const edits = Math.max(1, this.edits)
    this.#queue = update === null ? [] : [{ update, edits }]
    this.refused = null
    this.#host.onCount()
    this.#start()
  }

  clear(): void {
    this.#queue = []
    this.refused = null
    this.#host.onCount()
  }

  /** Sends from now on, and at once: whoever opens knows that the server is there. A refusal stands. */
  open(): void {
    this.#open = true
    this.#pause.wake()
    this.#start()
  }

  /** Forgets a refusal. */
  retry(): void {
    this.refused = null
    this.#start()
  }

  /** Sends nothing more. A request in flight is still waited for. */
  close(): void {
    this.#open = false
    this.#pause.wake()
  }

  /** Everything queued, in one update, for a last request before the end; null if there is nothing. */
  all(): Uint8Array | null {
    if (!this.#open || this.refused !== null || this.#queue.length === 0) return null
    return Y.mergeUpdates(this.#queue.map((entry) => entry.update))
  }

  get #ready(): boolean {
    return this.#open && this.refused === null && this.#queue.length > 0
  }

  #start(): void {
    if (this.#pumping || !this.#ready) return
    this.#pumping = true
    // What one turn of the event loop brings belongs together.
    setTimeout(() => void this.#pump(), 0)
  }

  async #pump(): Promise<void> {
    while (this.#ready) {
      const batch = this.#nextBatch()
      try {
        await this.#host.post(Y.mergeUpdates(batch.map((entry) => entry.update)))
        this.#acknowledge(batch)
      } catch (error) {
        await this.#failed(batch, error)
      }
    }
    this.#pumping = false
  }

  #nextBatch(): Entry[] {
    let bytes = 0
    let count = 0
    for (const entry of this.#queue) {
      bytes += entry.update.length
      if (count > 0 && (count >= this.#batchMax || bytes > BATCH_BYTES_MAX)) break
      count += 1
    }
    return this.#queue.slice(0, count)
  }

  #acknowledge(batch: Entry[]): void {
    this.#backoff.reset()
    this.#batchMax = Math.min(BATCH_UPDATES_MAX, this.#batchMax * 2)
    // After replace() the batch is no longer the head of the queue: what replaced it contains it.
    if (this.#queue[0] === batch[0]) this.#queue.splice(0, batch.length)
    this.#host.onCount()
  }

  async #failed(batch: Entry[], error: unknown): Promise<void> {
    if (saysDeleted(error)) {
      this.close()
      this.#host.onDeleted()
    } else if (saysEpochChanged(error)) {
      this.close()
      this.#host.onEpochChanged(this.#backoff.next())
    } else if (error instanceof WeftError && !error.retryable) {
      this.#halve(batch, error)
    } else {
      if (error instanceof WeftError) this.#host.onProblem(error)
      await this.#pause.wait(this.#backoff.next(error instanceof WeftError ? error.retryAfterMs : 0))
    }
  }

  #halve(batch: Entry[], error: WeftError): void {
    if (batch.length > 1) {
      this.#batchMax = Math.ceil(batch.length / 2)
    } else if (this.#queue[0] === batch[0]) {
      this.refused = error
      this.#host.onProblem(error)
    }
  }
}
