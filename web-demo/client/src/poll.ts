// Following by polls: each answer is what came since the last one, merged, and the position to ask with next.
//
// The first poll does not wait: its answer is the sync. Later ones are held by the server until there is something (long
// poll), or are sent from time to time (short poll). Presence is asked for beside them, from time to time in either case:
// the list of who is present tells also who is not.
import { createDecoder, readVarString, readVarUint } from 'lib0/decoding'
import { Pause } from './backoff.js'
import { serverStateOf } from './difference.js'
import { WeftError } from './error.js'
import { deliver, drawRetryMs, type FollowEnd, type Follower, type FollowHandlers, type From, reasonFor } from './follow.js'
import type { DocumentServer } from './server.js'
import { Silence } from './silence.js'

const LONG_POLL_WAIT_S = 25
/** Of the time after which a poll is given up: the server answers an empty one by then. */
const WAIT_SHARE_MAX = 0.75
/** An empty answer to a long poll that came sooner than this was not waited for: something on the way does not wait. */
const LONG_POLL_MS_MIN = 1000
const NOTHING = Uint8Array.of(0, 0)

export interface PollPace {
  /** How long the server holds an empty answer; 0 for short polls. */
  waitS: number
  /** The time between short polls, and between looks at who is present. */
  intervalMs: number
  /** A poll without an answer for this long is given up. */
  silenceMs: number
}

export function longPollPace(intervalMs: number, silenceMs: number): PollPace {
  return { waitS: Math.min(LONG_POLL_WAIT_S, (silenceMs / 1000) * WAIT_SHARE_MAX), intervalMs, silenceMs }
}

export class PollFollower implements Follower {
  /** After the last event that was delivered. */
  position: string | null = null
  readonly #server: DocumentServer
  readonly #handlers: FollowHandlers
  readonly #pace: PollPace
  readonly #abort = new AbortController()
  readonly #pause = new Pause()
  readonly #presencePause = new Pause()
  #closed = false

  constructor(server: DocumentServer, handlers: FollowHandlers, pace: PollPace) {
    this.#server = server
    this.#handlers = handlers
    this.#pace = pace
  }

  close(): void {
    this.#closed = true
    this.#abort.abort()
    this.#pause.wake()
    this.#presencePause.wake()
  }

  async run(from: From): Promise<FollowEnd> {
    this.position = from.lastEventId
    try {
      const end = await this.#first()
      if (end !== null) return end
      void this.#followPresence()
      return await this.#goOn()
    } catch (error) {
      return this.#closed ? { kind: 'ended' } : { kind: 'failed', error: reasonFor(error, this.#abort.signal) }
    } finally {
      this.close()
    }
  }

  async #first(): Promise<FollowEnd | null> {
    const answer = await this.#ask(0)
    const end = await this.#endIn(answer)
    if (end !== null) return end
    this.#handlers.onOpen(this.#long ? 'long-poll' : 'poll')
    this.#handlers.onRetry(drawRetryMs())
    this.#deliver(answer, true)
    return null
  }

  async #goOn(): Promise<FollowEnd> {
    let pauseMs = this.#long ? 0 : this.#pace.intervalMs
    while (!this.#closed) {
      if (pauseMs > 0) await this.#pause.wait(pauseMs)
      if (this.#closed) break
      const askedAt = Date.now()
      const answer = await this.#ask(this.#pace.waitS)
      const end = await this.#endIn(answer)
      if (end !== null) return end
      this.#deliver(answer, false)
      const unwaited = answer.update === null && Date.now() - askedAt < LONG_POLL_MS_MIN
      if (this.#long) pauseMs = unwaited ? LONG_POLL_MS_MIN : 0
    }
    return { kind: 'ended' }
  }

  get #long(): boolean {
    return this.#pace.waitS > 0
  }

  async #ask(waitS: number): Promise<Answer> {
    const silence = new Silence(this.#pace.silenceMs, (error) => this.#abort.abort(error))
    try {
      const response = await this.#server.poll(this.position, waitS, this.#abort.signal)
      const update = response.status === 200 ? new Uint8Array(await response.arrayBuffer()) : null
      return { response, update }
    } finally {
      silence.stop()
    }
  }

  async #endIn({ response }: Answer): Promise<FollowEnd | null> {
    if (this.#closed) return { kind: 'ended' }
    if (response.status === 410) return { kind: 'deleted' }
    if (!response.ok) return { kind: 'refused', error: await WeftError.from(response) }
    if (response.headers.get('event-id') === null) return { kind: 'failed', error: new Error('the answer to a poll names no position') }
    return null
  }

  #deliver({ response, update }: Answer, first: boolean): void {
    const id = response.headers.get('event-id') ?? ''
    const reason = response.headers.get('event-reset')
    const whole = reason !== null || this.position === null
    this.position = id
    deliver(() => {
      if (reason !== null) this.#handlers.onReset(reason)
      if (this.#closed) return
      const news = update ?? NOTHING
      if (first || reason !== null) this.#handlers.onSync({ update: news, id, serverState: whole ? () => serverStateOf(news) : null })
      else this.#handlers.onUpdate(news, id)
    })
  }

  async #followPresence(): Promise<void> {
    let present = new Set<number>()
    while (!this.#closed) {
      present = await this.#lookWhoIsPresent(present)
      if (!this.#closed) await this.#presencePause.wait(this.#pace.intervalMs)
    }
  }

  /** Not worth a connection: whatever goes wrong, the next look is another try. */
  async #lookWhoIsPresent(before: Set<number>): Promise<Set<number>> {
    const own = this.#handlers.ownPresence()
    try {
      const update = await this.#server.awareness()
      if (this.#closed) return before
      const now = clientsIn(update)
      this.#handlers.onAwareness(update)
      // Of ourselves it may know without having seen us: what is taken away between two looks is missed, too.
      const expected = own === null ? before : new Set(before).add(own)
      this.#handlers.onGone([...expected].filter((id) => !now.has(id)))
      return now
    } catch {
      return before
    }
  }
}

interface Answer {
  response: Response
  /** Null if there was none. */
  update: Uint8Array | null
}

/** Of whom an awareness update speaks. */
function clientsIn(update: Uint8Array): Set<number> {
  const decoder = createDecoder(update)
  const clients = new Set<number>()
  for (let left = readVarUint(decoder); left > 0; left--) {
    clients.add(readVarUint(decoder))
    readVarUint(decoder)
    readVarString(decoder)
  }
  return clients
}
