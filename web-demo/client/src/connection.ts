// Following a document for as long as that is wanted: one attempt after another, with delays between them.
import { Backoff, Pause } from './backoff.js'
import type { FollowEnd, Follower, From } from './follow.js'

export interface ConnectionHost {
  /** A follower for the next attempt, and where it begins. */
  next(): { follower: Follower; from: From }
  onBegin(): void
  /** An attempt is over; it is not told of one that stop() ended. */
  onEnd(end: FollowEnd): void
}

export class Connection {
  readonly backoff: Backoff
  /** The attempt that is being made. */
  follower: Follower | null = null
  readonly #host: ConnectionHost
  readonly #pause = new Pause()
  #wanted = false
  /** Which call of start() the running loop belongs to. */
  #life = 0
  /** The attempt was ended by ourselves: the next one need not wait. */
  #hurry = false

  constructor(host: ConnectionHost, backoff: Backoff) {
    this.#host = host
    this.backoff = backoff
  }

  get wanted(): boolean {
    return this.#wanted
  }

  /** While it is started already: skips a waiting delay. */
  start(): void {
    if (this.#wanted) return this.wake()
    this.#wanted = true
    this.#hurry = false
    this.#life += 1
    void this.#run(this.#life)
  }

  stop(): void {
    this.#wanted = false
    this.#life += 1
    this.#pause.wake()
    this.follower?.close()
    this.follower = null
  }

  /** Skips a waiting delay. */
  wake(): void {
    this.#pause.wake()
  }

  /** Ends the present attempt and begins the next at once. */
  reopen(): void {
    this.#pause.wake()
    if (this.follower === null) return
    this.#hurry = true
    this.follower.close()
  }

  async #run(life: number): Promise<void> {
    while (this.#life === life) {
      const { follower, from } = this.#host.next()
      this.follower = follower
      this.#host.onBegin()
      // Whoever was told of the beginning may have stopped us.
      if (this.#life !== life) return
      const end = await follower.run(from)
      if (this.#life !== life) return
      this.follower = null
      this.#host.onEnd(end)
      // Likewise of the end, or have started us anew.
      if (this.#life !== life) return
      if (this.#hurry) {
        this.#hurry = false
        continue
      }
      await this.#pause.wait(this.backoff.next(end.kind === 'refused' ? end.error.retryAfterMs : 0))
    }
  }
}
