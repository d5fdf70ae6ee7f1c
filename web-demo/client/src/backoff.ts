// How long to wait before trying again, and the waiting.

/** Exponential, with jitter, so that clients cut off together do not come back together. */
export class Backoff {
  /** The first delay. The server draws one for each stream and sends it as `retry`. */
  baseMs: number
  maxMs: number
  #failures = 0

  constructor(baseMs: number, maxMs: number) {
    this.baseMs = baseMs
    this.maxMs = maxMs
  }

  /** The delay after one more failure; not less than `atLeastMs`, the server's `Retry-After`. */
  next(atLeastMs = 0): number {
    const exponent = Math.min(this.#failures, 30)
    this.#failures += 1
    const ceilingMs = Math.min(this.maxMs, this.baseMs * 2 ** exponent)
    const delayMs = exponent === 0 ? ceilingMs : ceilingMs * (0.5 + Math.random() / 2)
    return Math.max(atLeastMs, delayMs)
  }

  reset(): void {
    this.#failures = 0
  }
}

/** A pause that can be cut short. One waiter at a time. */
export class Pause {
  #wake: (() => void) | null = null

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#wake = null
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#wake = done
    })
  }

  wake(): void {
    this.#wake?.()
  }
}
