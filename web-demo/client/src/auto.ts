// The best transport that the way to the server bears: an event stream, and where something on the way holds streams back
// (a buffering proxy lets nothing through until the answer ends, which a stream's never does), long polls.
//
// Down: a stream that is silent before its `sync` is given up, and the next attempt polls. So does one that has been silent
// for longer than the server ever is. Up: beside the polls a stream is tried from time to time, from where the polls have
// come to. Once it brings its `sync` it takes over, in the same attempt, and the polls end: nothing is missed in between.
import type { FollowEnd, Follower, FollowHandlers, From } from './follow.js'
import type { PollFollower } from './poll.js'
import { SilenceError } from './silence.js'
import type { EventStream } from './stream.js'

export interface AutoParts {
  stream(handlers: FollowHandlers): EventStream
  poll(handlers: FollowHandlers): PollFollower
  /** The time between two tries of a stream while polling. */
  climbMs: number
}

/** What is known from one attempt to the next. */
interface Known {
  heldBack: boolean
  /** When a stream was tried last. */
  triedAt: number
}

export class Auto {
  readonly #parts: AutoParts
  readonly #known: Known = { heldBack: false, triedAt: 0 }

  constructor(parts: AutoParts) {
    this.#parts = parts
  }

  follower(handlers: FollowHandlers): Follower {
    if (this.#known.heldBack) return new Climber(this.#parts, handlers, this.#known)
    return new Watched(this.#parts.stream(handlers), this.#known)
  }
}

/** A stream, with an eye on whether it is held back. */
class Watched implements Follower {
  readonly #stream: EventStream
  readonly #known: Known

  constructor(stream: EventStream, known: Known) {
    this.#stream = stream
    this.#known = known
  }

  close(): void {
    this.#stream.close()
  }

  async run(from: From): Promise<FollowEnd> {
    this.#known.triedAt = Date.now()
    const end = await this.#stream.run(from)
    this.#known.heldBack = end.kind === 'failed' && end.error instanceof SilenceError
    return end
  }
}

/** Polls, and streams tried beside them until one takes over. */
class Climber implements Follower {
  readonly #parts: AutoParts
  readonly #handlers: FollowHandlers
  readonly #known: Known
  readonly #poll: PollFollower
  #timer: ReturnType<typeof setTimeout> | undefined
  #tried: EventStream | null = null
  /** The end of the stream that has taken over. */
  #taken: Promise<FollowEnd> | null = null
  #closed = false

  constructor(parts: AutoParts, handlers: FollowHandlers, known: Known) {
    this.#parts = parts
    this.#handlers = handlers
    this.#known = known
    this.#poll = parts.poll(handlers)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#tried?.close()
    this.#poll.close()
  }

  async run(from: From): Promise<FollowEnd> {
    this.#tryLater()
    const end = await this.#poll.run(from)
    if (this.#taken !== null) return this.#taken
    this.close()
    return end
  }

  #tryLater(): void {
    const dueMs = this.#known.triedAt + this.#parts.climbMs - Date.now()
    this.#timer = setTimeout(() => void this.#try(), Math.max(0, dueMs))
  }

  async #try(): Promise<void> {
    this.#known.triedAt = Date.now()
    const stream = this.#parts.stream({
      ...this.#handlers,
      // Until bytes have come there is nothing to tell.
      onOpen: () => {},
      onReset: (reason) => {
        this.#takeOver(ended)
        this.#handlers.onReset(reason)
      },
      onSync: (sync) => {
        this.#takeOver(ended)
        this.#handlers.onSync(sync)
      },
    })
    this.#tried = stream
    const ended = stream.run({ lastEventId: this.#poll.position, stateVector: null })
    await ended
    if (this.#taken === null && !this.#closed) this.#tryLater()
  }

  #takeOver(ended: Promise<FollowEnd>): void {
    if (this.#taken !== null) return
    this.#taken = ended
    this.#known.heldBack = false
    this.#poll.close()
    this.#handlers.onOpen('sse')
  }
}
