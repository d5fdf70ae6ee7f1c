// Notices that nothing comes any more: a connection may be dead without anybody having said so.

const CHECKS = 8

export class SilenceError extends Error {}

export class Silence {
  #limitMs: number
  #heardAt = Date.now()
  readonly #onSilence: (error: SilenceError) => void
  #timer: ReturnType<typeof setInterval>

  constructor(limitMs: number, onSilence: (error: SilenceError) => void) {
    this.#limitMs = limitMs
    this.#onSilence = onSilence
    this.#timer = this.#watch()
  }

  heard(): void {
    this.#heardAt = Date.now()
  }

  /** From now on so long a silence is borne. */
  allow(limitMs: number): void {
    if (limitMs === this.#limitMs) return
    this.#limitMs = limitMs
    clearInterval(this.#timer)
    this.#timer = this.#watch()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #watch(): ReturnType<typeof setInterval> {
    return setInterval(() => {
      if (Date.now() - this.#heardAt <= this.#limitMs) return
      this.stop()
      this.#onSilence(new SilenceError(`nothing heard for ${this.#limitMs} ms`))
    }, this.#limitMs / CHECKS)
  }
}
