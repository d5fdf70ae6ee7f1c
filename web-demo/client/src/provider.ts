// The provider: one Yjs document kept in step with one document on a weft server.
//
// Happy path: connect() starts #run(), which opens a stream. Its `sync` brings what the document lacks; from then on the
// document holds the server's state up to the position `lastEventId`, which every `update` moves. Local updates go to the
// outbox, which posts them; our own come back on the stream as well, which changes nothing.
//
// What the server lacks: an update event of a document that has been synced is by its nature something that the server
// does not have yet, so the outbox holds exactly that. Before the first sync, after a reset, and for edits that another
// tab handed over, this is not so; then `#unsure` is set, the outbox stays closed, and after `sync` the difference
// between the document and the server's state takes the queue's place (#settle).
//
// Ends: a stream that ends for any reason is opened again after a delay, with the position. A deleted document, and a
// refusal that will not change, stop the provider (`closed`); connect() is then a deliberate new beginning.
import { ObservableV2 } from 'lib0/observable'
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { Backoff, Pause } from './backoff.js'
import { deletionsOf, hasContent, lackedByServer, type ServerState, serverStateOf } from './difference.js'
import { saysDeleted, WeftError } from './error.js'
import { Outbox } from './outbox.js'
import { Presence } from './presence.js'
import { DocumentServer, httpUrl, type Receipt, type RequestOptions } from './server.js'
import { EventStream, type StreamEnd } from './stream.js'
import { type TabMessage, Tabs } from './tabs.js'

const FIRST_DELAY_MS = 500
/** The close codes of weft's WebSocket face, which y-websocket applications know: 4000 and the status. */
const CLOSE_CODE_BASE = 4000
const CLOSE_CODE_DELETED = 4404

export interface WeftProviderOptions extends RequestOptions {
  /** Connect at once (the default), or when connect() is called. */
  connect?: boolean
  awareness?: Awareness
  /** The longest delay between two attempts, in milliseconds. */
  maxBackoffTime?: number
  /** Do not talk to other tabs of this browser. The default outside of a browser. */
  disableBc?: boolean
  /** A stream without a byte for this long is given up, in milliseconds. */
  silenceTimeout?: number
  /** At most one presence request in this time, in milliseconds. */
  awarenessInterval?: number
  /** The position of a document that was stored together with it. Give it only with the whole stored document loaded. */
  lastEventId?: string
}

// A type rather than an interface: ObservableV2 wants one with an index signature.
export type WeftProviderEvents = {
  status(event: { status: 'connecting' | 'connected' | 'disconnected' }): void
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

/** What one stream has told so far. */
interface Session {
  stream: EventStream
  /** Whether `sync` will be the whole document rather than a difference. */
  whole: boolean
}

export class WeftProvider extends ObservableV2<WeftProviderEvents> {
  readonly serverUrl: string
  readonly roomname: string
  readonly doc: Y.Doc
  readonly awareness: Awareness
  readonly disableBc: boolean
  shouldConnect = false
  wsconnected = false
  wsconnecting = false
  /** The position: the id of the last event that the document holds. Store it with the document, never alone. */
  lastEventId: string | null
  /** Whether the document was found deleted. */
  deleted = false

  readonly #server: DocumentServer
  readonly #outbox: Outbox
  readonly #presence: Presence
  readonly #tabs: Tabs
  readonly #backoff: Backoff
  readonly #pause = new Pause()
  readonly #silenceTimeoutMs: number
  #session: Session | null = null
  /** Which call of connect() the running loop belongs to. */
  #life = 0
  /** The stream was ended by ourselves: the next one need not wait. */
  #hurry = false
  #synced = false
  #everSynced = false
  #unsure: boolean
  /** Whether the server's state vector has been asked for and not come yet. */
  #asking = false
  #epoch: string | null
  #destroyed = false

  constructor(serverUrl: string, roomname: string, doc: Y.Doc, options: WeftProviderOptions = {}) {
    super()
    this.serverUrl = httpUrl(serverUrl)
    this.roomname = roomname
    this.doc = doc
    this.awareness = options.awareness ?? new Awareness(doc)
    this.disableBc = options.disableBc ?? typeof window === 'undefined'
    this.lastEventId = options.lastEventId ?? null
    this.#epoch = epochOf(this.lastEventId)
    this.#unsure = hasContent(doc)
    this.#silenceTimeoutMs = options.silenceTimeout ?? 40_000
    const maxMs = options.maxBackoffTime ?? 10_000
    this.#server = new DocumentServer(serverUrl, roomname, options)
    this.#backoff = new Backoff(Math.min(FIRST_DELAY_MS, maxMs), maxMs)
    this.#outbox = new Outbox(this.#outboxHost(), new Backoff(Math.min(FIRST_DELAY_MS, maxMs), maxMs))
    this.#presence = new Presence(
      this.awareness,
      { post: (update) => this.#server.postAwareness(update), onProblem: (error) => this.#presenceProblem(error) },
      new Backoff(Math.min(FIRST_DELAY_MS, maxMs), maxMs),
      options.awarenessInterval ?? 50,
    )
    this.#tabs = new Tabs(`weft:${this.#server.base}`, () => this.#epoch, (message) => this.#tabSays(message))
    doc.on('update', this.#onDocUpdate)
    this.awareness.on('update', this.#onAwarenessUpdate)
    this.#listenToPage(true)
    if (options.connect ?? true) this.connect()
  }

  /** The address of the event stream. */
  get url(): string {
    return this.#server.url('events')
  }

  /** Added to the query of every request; a change counts from the next one on. */
  get params(): Record<string, string> {
    return this.#server.params
  }

  set params(params: Record<string, string>) {
    this.#server.params = params
  }

  get maxBackoffTime(): number {
    return this.#backoff.maxMs
  }

  set maxBackoffTime(ms: number) {
    this.#backoff.maxMs = ms
  }

  /** Whether the document holds what the server had when the present stream began, and all since. */
  get synced(): boolean {
    return this.#synced
  }

  get connected(): boolean {
    return this.wsconnected
  }

  get connecting(): boolean {
    return this.wsconnecting
  }

  get bcconnected(): boolean {
    return this.#tabs.connected
  }

  /**
   * Local edits that the server has not acknowledged; at least 1 while it is being found out whether the server has the
   * document's content. They are kept in memory only.
   */
  get unsentUpdates(): number {
    return Math.max(this.#outbox.edits, this.#asking ? 1 : 0)
  }

  /** The refusal for which sending stopped; connect() tries again. */
  get refused(): WeftError | null {
    return this.#outbox.refused
  }

  /**
   * Connects, and stays connected. While connected it skips a waiting delay and lifts a refusal. After a deletion it
   * means: bring this document's content into whatever lives under the name now.
   */
  connect(): void {
    if (this.#destroyed) return
    if (this.deleted) this.#beginAgain()
    const running = this.shouldConnect
    this.shouldConnect = true
    if (this.#everSynced && !this.#unsure) this.#outbox.open()
    if (running) {
      this.#pause.wake()
    } else {
      this.#life += 1
      void this.#run(this.#life)
    }
  }

  /** Ends the stream and says goodbye to others. What is unsent leaves in one last request, and stays queued until acknowledged. */
  disconnect(): void {
    const connected = this.#synced
    this.#sendLast(connected, false)
    this.#stop()
  }

  override destroy(): void {
    if (this.#destroyed) return
    this.disconnect()
    this.#destroyed = true
    this.#listenToPage(false)
    this.doc.off('update', this.#onDocUpdate)
    this.awareness.off('update', this.#onAwarenessUpdate)
    super.destroy()
  }

  // The stream

  async #run(life: number): Promise<void> {
    while (this.shouldConnect && this.#life === life) {
      const end = await this.#follow()
      if (this.#life !== life || !this.shouldConnect) return
      this.#report(end)
      // A listener may have called connect(), which began a life of its own.
      if (this.#life !== life || !this.shouldConnect) return
      if (this.#hurry) {
        this.#hurry = false
        continue
      }
      const atLeastMs = end.kind === 'refused' ? end.error.retryAfterMs : 0
      await this.#pause.wait(this.#backoff.next(atLeastMs))
    }
  }

  async #follow(): Promise<StreamEnd> {
    const known = hasContent(this.doc)
    const position = this.lastEventId === '0' ? null : this.lastEventId
    const stateVector = position === null && known ? Y.encodeStateVector(this.doc) : null
    const session: Session = {
      whole: position === null && stateVector === null,
      stream: new EventStream(this.#server, this.#streamHandlers(() => session), this.#silenceTimeoutMs),
    }
    this.#session = session
    this.wsconnecting = true
    this.emit('status', [{ status: 'connecting' }])
    const end = await session.stream.run({ lastEventId: position, stateVector }, this.awareness.clientID)
    if (this.#session === session) this.#disconnected(end)
    return end
  }

  #streamHandlers(session: () => Session) {
    return {
      onOpen: () => {
        this.wsconnecting = false
        this.wsconnected = true
        this.emit('status', [{ status: 'connected' }])
      },
      onReset: (reason: string) => this.#onReset(session(), reason),
      onSync: (update: Uint8Array, id: string) => this.#onSync(session(), update, id),
      onUpdate: (update: Uint8Array, id: string) => this.#take(update, id),
      onAwareness: (update: Uint8Array) => this.#takeAwareness(update),
      onRetry: (ms: number) => {
        this.#backoff.baseMs = Math.min(ms, this.#backoff.maxMs)
      },
    }
  }

  /** If an observer of the document throws, the stream ends with its error, and begins again at the last position. */
  #take(update: Uint8Array, id: string): void {
    if (!saysNothing(update)) Y.applyUpdate(this.doc, update, this)
    this.lastEventId = id
    this.#epoch = epochOf(id)
  }

  /** Presence is not worth a connection: whatever goes wrong in it is only told. */
  #takeAwareness(update: Uint8Array): void {
    try {
      applyAwarenessUpdate(this.awareness, update, this)
    } catch (error) {
      console.error('weft: an awareness update could not be applied', error)
    }
  }

  #onReset(session: Session, reason: string): void {
    this.emit('reset', [{ reason }, this])
    if (reason === 'deleted') return this.#documentDeleted(true)
    this.lastEventId = null
    this.#epoch = null
    this.#unsure = true
    session.whole = true
    this.#outbox.close()
  }

  #onSync(session: Session, update: Uint8Array, id: string): void {
    // A position that has no epoch yet, or a state vector, cannot be reset: the id alone tells of another life.
    if (this.#epoch !== null && this.#epoch !== epochOf(id)) this.#unsure = true
    this.#take(update, id)
    if (this.#session !== session) return
    this.#backoff.reset()
    this.#everSynced = true
    if (!this.#unsure) this.#outbox.open()
    else if (session.whole) this.#settle(serverStateOf(update))
    else void this.#askAndSettle(session, update)
    if (!this.disableBc) this.#greetTabs()
    this.#presence.open()
    this.#setSynced(true)
  }

  #disconnected(end: StreamEnd): void {
    this.#session = null
    const wasConnected = this.wsconnected
    this.wsconnecting = false
    this.wsconnected = false
    this.#presence.close()
    this.#forgetOthers()
    this.#setSynced(false)
    if (end.kind === 'failed' || end.kind === 'refused') this.emit('connection-error', [end.error, this])
    if (!wasConnected) return
    this.emit('status', [{ status: 'disconnected' }])
    this.emit('connection-close', [{ reason: end.kind }, this])
  }

  #report(end: StreamEnd): void {
    if (end.kind === 'deleted') return this.#documentDeleted(false)
    if (end.kind !== 'refused') return
    this.emit('error', [end.error, this])
    if (end.error.retryable) return
    this.#stop()
    this.emit('closed', [{ code: CLOSE_CODE_BASE + end.error.status, reason: end.error.message }, this])
  }

  // What the server lacks

  #settle(server: ServerState): void {
    this.#unsure = false
    this.#asking = false
    this.#outbox.replace(lackedByServer(this.doc, server))
    this.#outbox.open()
  }

  /** After a difference the server's own state is known only to the server. Asks until it answers or the stream ends. */
  async #askAndSettle(session: Session, difference: Uint8Array): Promise<void> {
    // All of the server's deletions if the stream began at a state vector; the later ones, which will do, at a position.
    const deletions = deletionsOf(difference)
    const backoff = new Backoff(this.#backoff.baseMs, this.#backoff.maxMs)
    this.#asking = true
    this.#tellUnsent()
    while (this.#session === session && this.shouldConnect) {
      try {
        const { vector, id } = await this.#server.stateVector()
        if (this.#session !== session) return
        if (epochOf(id) !== null && this.#epoch !== null && epochOf(id) !== this.#epoch) return this.#reopen()
        return this.#settle({ stateVector: vector, deletions })
      } catch (error) {
        if (this.#session !== session) return
        if (saysDeleted(error)) return this.#documentDeleted(false)
        if (error instanceof WeftError) this.emit('error', [error, this])
        await new Promise((resolve) => setTimeout(resolve, backoff.next()))
      }
    }
  }

  #outboxHost() {
    return {
      post: (update: Uint8Array) => this.#server.postUpdate(update, this.#epoch),
      onReceipt: (receipt: Receipt) => {
        // The position stays: it is moved by the stream alone, which has the events of others in between.
        this.#epoch ??= epochOf(receipt.id)
      },
      onCount: () => this.#tellUnsent(),
      onProblem: (error: WeftError) => this.emit('error', [error, this]),
      onEpochChanged: (delayMs: number) => setTimeout(() => this.#reopen(), delayMs),
      onDeleted: () => this.#documentDeleted(false),
    }
  }

  /** Ends the stream, so that the next one tells by a reset what has become of our position. */
  #reopen(): void {
    this.#pause.wake()
    if (this.#session === null) return
    this.#hurry = true
    this.#session.stream.close()
  }

  // Local changes

  #onDocUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === this) return
    if (!this.#everSynced) this.#unsure = true
    if (origin === this.#tabs) {
      // The tab that made it sends it. If that tab dies first, the next sync finds that the server lacks it.
      this.#unsure = true
      return
    }
    this.#outbox.add(update)
    this.#tabs.send({ kind: 'update', update })
  }

  #onAwarenessUpdate = (change: { added: number[]; updated: number[]; removed: number[] }, origin: unknown): void => {
    const own = this.awareness.clientID
    const mentions = [change.added, change.updated, change.removed].some((ids) => ids.includes(own))
    // From the stream, our own id comes only in answer to somebody's claim that we are gone.
    if (!mentions || (origin === this && this.awareness.getLocalState() === null)) return
    this.#presence.announce()
    this.#tabs.send({ kind: 'awareness', update: encodeAwarenessUpdate(this.awareness, [own]) })
  }

  #presenceProblem(error: WeftError): void {
    if (saysDeleted(error)) return this.#documentDeleted(false)
    this.emit('error', [error, this])
  }

  // Other tabs

  #greetTabs(): void {
    this.#tabs.open()
    this.#tabs.send({ kind: 'hello', stateVector: Y.encodeStateVector(this.doc), answer: true })
  }

  #tabSays(message: TabMessage): void {
    if (message.kind === 'update') return Y.applyUpdate(this.doc, message.update, this.#tabs)
    if (message.kind === 'awareness') return applyAwarenessUpdate(this.awareness, message.update, this.#tabs)
    this.#tabs.send({ kind: 'update', update: Y.encodeStateAsUpdate(this.doc, message.stateVector) })
    const own = encodeAwarenessUpdate(this.awareness, [this.awareness.clientID])
    this.#tabs.send({ kind: 'awareness', update: own })
    if (!message.answer) return
    this.#tabs.send({ kind: 'hello', stateVector: Y.encodeStateVector(this.doc), answer: false })
  }

  // Ends

  #stop(): void {
    this.shouldConnect = false
    this.#life += 1
    this.#outbox.close()
    this.#presence.close()
    this.#tabs.close()
    this.#pause.wake()
    const session = this.#session
    if (session === null) return
    session.stream.close()
    this.#disconnected({ kind: 'ended' })
  }

  #documentDeleted(replaced: boolean): void {
    if (this.deleted) return
    this.deleted = true
    this.#stop()
    this.#asking = false
    this.#outbox.clear()
    this.emit('deleted', [{ replaced }, this])
    this.emit('closed', [{ code: CLOSE_CODE_DELETED, reason: 'the document was deleted' }, this])
  }

  #beginAgain(): void {
    this.deleted = false
    this.lastEventId = null
    this.#epoch = null
    this.#everSynced = false
    this.#unsure = hasContent(this.doc)
  }

  /** Neither request is waited for, and neither is repeated. */
  #sendLast(sayFarewell: boolean, keepalive: boolean): void {
    const ignore = () => {}
    const update = this.#outbox.all()
    if (update !== null) this.#server.postUpdate(update, this.#epoch, keepalive).catch(ignore)
    if (!sayFarewell) return
    const farewell = this.#presence.farewell()
    this.#tabs.send({ kind: 'awareness', update: farewell })
    this.#server.postAwareness(farewell, keepalive).catch(ignore)
  }

  #forgetOthers(): void {
    const others = [...this.awareness.getStates().keys()].filter((id) => id !== this.awareness.clientID)
    removeAwarenessStates(this.awareness, others, this)
    // Their clocks too: a state with a clock that is known already would be ignored when the next stream brings it.
    for (const id of others) this.awareness.meta.delete(id)
  }

  #tellUnsent(): void {
    this.emit('unsent', [this.unsentUpdates])
  }

  #setSynced(synced: boolean): void {
    if (this.#synced === synced) return
    this.#synced = synced
    this.emit('synced', [synced])
    this.emit('sync', [synced])
  }

  // The page

  #listenToPage(listen: boolean): void {
    if (typeof window === 'undefined') return
    const change = listen ? window.addEventListener.bind(window) : window.removeEventListener.bind(window)
    change('pagehide', this.#onPageHide)
    change('pageshow', this.#onPageShow as EventListener)
    change('online', this.#onOnline)
  }

  #onPageHide = (): void => this.#sendLast(this.#synced, true)

  /** Back from the browser's cache of pages: others have been told that we left. */
  #onPageShow = (event: PageTransitionEvent): void => {
    if (!event.persisted || !this.shouldConnect) return
    this.#reopen()
  }

  #onOnline = (): void => this.#pause.wake()
}

function epochOf(id: string | null): string | null {
  return id?.split('.')[1] ?? null
}

/** The empty update: no structs, no deletions. */
function saysNothing(update: Uint8Array): boolean {
  return update.length === 2 && update[0] === 0 && update[1] === 0
}
