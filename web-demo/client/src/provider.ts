// The provider: one Yjs document kept in step with one document on a weft server.
//
// Happy path: connect() starts the connection, which makes a follower (follow.ts): an event stream, a WebSocket, polls. Its
// sync brings what the document lacks; from then on the document holds the server's state up to the position `lastEventId`,
// which updates move. Local updates go to the outbox, which sends them; our own come back as well, which changes nothing.
//
// What the server lacks: an update event of a document that has been synced is by its nature something that the server
// does not have yet, so the outbox holds exactly that. Before the first sync, after a reset, and for edits that another
// tab handed over, this is not so; then `#unsure` is set, the outbox stays closed, and after a sync the difference
// between the document and the server's state takes the queue's place (#settle).
//
// Ends: a follower that ends for any reason is followed by another after a delay, with the position. A deleted document,
// and a refusal that will not change, stop the provider (`closed`); connect() is then a deliberate new beginning.
import { ObservableV2 } from 'lib0/observable'
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { Backoff } from './backoff.js'
import { Connection, type ConnectionHost } from './connection.js'
import { deletionsOf, hasContent, lackedByServer, type ServerState } from './difference.js'
import { CLOSE_CODE_BASE, CLOSE_CODE_DELETED, saysDeleted, WeftError } from './error.js'
import type { FollowEnd, FollowHandlers, Sync, Transport } from './follow.js'
import type { WeftProviderEvents, WeftProviderOptions } from './options.js'
import { Outbox } from './outbox.js'
import { listenToPage } from './page.js'
import { Presence } from './presence.js'
import { DocumentServer, httpUrl } from './server.js'
import { type TabMessage, Tabs } from './tabs.js'
import { type FollowerSource, followersFor } from './transports.js'

const FIRST_DELAY_MS = 500

export class WeftProvider extends ObservableV2<WeftProviderEvents> {
  readonly serverUrl: string
  readonly roomname: string
  readonly doc: Y.Doc
  readonly awareness: Awareness
  readonly disableBc: boolean
  wsconnected = false
  wsconnecting = false
  /** How the document is followed, or was last; null before the first connection. */
  transport: Transport | null = null
  /** The position: the id of an event up to which the document holds all. Store it with the document, never alone. */
  lastEventId: string | null
  /** Whether the document was found deleted. */
  deleted = false

  readonly #server: DocumentServer
  readonly #outbox: Outbox
  readonly #presence: Presence
  readonly #tabs: Tabs
  readonly #connection: Connection
  readonly #followerFor: FollowerSource
  readonly #leavePage: () => void
  /** Counts syncs and ends: what was begun before the last of them is void. */
  #round = 0
  #synced = false
  #everSynced = false
  #unsure: boolean
  /** Whether the server's state vector has been asked for and not come yet. */
  #asking = false
  #epoch: string | null
  /** The fate of what was sent last is not known: a receipt is needed. */
  #needsReceipt = false
  #destroyed = false

  constructor(serverUrl: string, roomname: string, doc: Y.Doc, options: WeftProviderOptions = {}) {
    super()
    this.serverUrl = httpUrl(serverUrl)
    this.roomname = roomname
    this.doc = doc
    this.#server = new DocumentServer(serverUrl, roomname, options)
    // May throw: before there is anything that would have to be ended.
    this.#followerFor = followersFor(this.#server, options.awareness?.clientID ?? doc.clientID, options)
    this.awareness = options.awareness ?? new Awareness(doc)
    this.disableBc = options.disableBc ?? typeof window === 'undefined'
    this.lastEventId = options.lastEventId ?? null
    this.#epoch = epochOf(this.lastEventId)
    this.#unsure = hasContent(doc)
    const maxMs = options.maxBackoffTime ?? 10_000
    const backoff = () => new Backoff(Math.min(FIRST_DELAY_MS, maxMs), maxMs)
    this.#connection = new Connection(this.#connectionHost(), backoff())
    this.#outbox = new Outbox(this.#outboxHost(), backoff())
    this.#presence = new Presence(
      this.awareness,
      { post: (update) => this.#postAwareness(update), onProblem: (error) => this.#presenceProblem(error) },
      backoff(),
      options.awarenessInterval ?? 50,
    )
    this.#tabs = new Tabs(`weft:${this.#server.base}`, () => this.#epoch, (message) => this.#tabSays(message))
    doc.on('update', this.#onDocUpdate)
    this.awareness.on('update', this.#onAwarenessUpdate)
    this.#leavePage = listenToPage({
      onHide: () => this.#sendLast(this.#synced, true),
      // Others have been told that we left.
      onReturn: () => this.#connection.reopen(),
      onOnline: () => this.#connection.wake(),
    })
    if (options.connect ?? true) this.connect()
  }

  /** The address of the document's event stream, whatever the transport. */
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
    return this.#connection.backoff.maxMs
  }

  set maxBackoffTime(ms: number) {
    this.#connection.backoff.maxMs = ms
  }

  get shouldConnect(): boolean {
    return this.#connection.wanted
  }

  /** Whether the document holds what the server had when the present connection began, and all since. */
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
    this.#outbox.retry()
    if (this.#everSynced && !this.#unsure) this.#outbox.open()
    this.#connection.start()
  }

  /** Ends the connection and says goodbye to others. What is unsent leaves in one last request, and stays queued until acknowledged. */
  disconnect(): void {
    const connected = this.#synced
    this.#sendLast(connected, false)
    this.#stop()
  }

  override destroy(): void {
    if (this.#destroyed) return
    this.disconnect()
    this.#destroyed = true
    this.#leavePage()
    this.doc.off('update', this.#onDocUpdate)
    this.awareness.off('update', this.#onAwarenessUpdate)
    super.destroy()
  }

  // The connection

  #connectionHost(): ConnectionHost {
    return {
      next: () => {
        const lastEventId = this.lastEventId === '0' ? null : this.lastEventId
        const stateVector = hasContent(this.doc) ? Y.encodeStateVector(this.doc) : null
        return { follower: this.#followerFor(this.#followHandlers()), from: { lastEventId, stateVector } }
      },
      onBegin: () => {
        this.wsconnecting = true
        this.emit('status', [{ status: 'connecting' }])
      },
      onEnd: (end) => {
        this.#disconnected(end)
        // A listener may have called disconnect(), and connect() again.
        if (this.#connection.follower === null && this.shouldConnect) this.#report(end)
      },
    }
  }

  #followHandlers(): FollowHandlers {
    return {
      onOpen: (transport) => this.#onOpen(transport),
      onReset: (reason) => this.#onReset(reason),
      onSync: (sync) => this.#onSync(sync),
      onUpdate: (update, id) => this.#take(update, id),
      onAwareness: (update) => this.#takeAwareness(update),
      onGone: (clientIds) => {
        this.#forget(clientIds)
        if (clientIds.includes(this.awareness.clientID)) this.#presence.renew()
      },
      ownPresence: () => (this.#presence.isTold ? this.awareness.clientID : null),
      onRetry: (ms) => {
        this.#connection.backoff.baseMs = Math.min(ms, this.maxBackoffTime)
      },
    }
  }

  #onOpen(transport: Transport): void {
    if (this.transport !== transport) {
      this.transport = transport
      this.emit('transport', [{ transport }])
    }
    if (this.wsconnected) return
    this.wsconnecting = false
    this.wsconnected = true
    this.emit('status', [{ status: 'connected' }])
  }

  /** If an observer of the document throws, the connection ends with its error, and begins again at the last position. */
  #take(update: Uint8Array, id: string | null): void {
    if (!saysNothing(update)) Y.applyUpdate(this.doc, update, this)
    if (id === null) return
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

  #onReset(reason: string): void {
    this.emit('reset', [{ reason }, this])
    if (reason === 'deleted') return this.#documentDeleted(true)
    this.lastEventId = null
    this.#epoch = null
    this.#unsure = true
    this.#outbox.close()
  }

  #onSync({ update, id, serverState }: Sync): void {
    this.#round += 1
    const round = this.#round
    // A position that has no epoch yet, or a state vector, cannot be reset: the id alone tells of another life.
    if (this.#epoch !== null && this.#epoch !== epochOf(id)) this.#unsure = true
    this.#take(update, id)
    if (this.#round !== round) return
    this.#connection.backoff.reset()
    this.#everSynced = true
    if (!this.#unsure) this.#outbox.open()
    else if (serverState !== null) this.#settle(serverState())
    else void this.#askAndSettle(round, update)
    if (!this.disableBc) this.#greetTabs()
    this.#presence.open()
    this.#setSynced(true)
  }

  #disconnected(end: FollowEnd): void {
    this.#round += 1
    const wasConnected = this.wsconnected
    this.wsconnecting = false
    this.wsconnected = false
    this.#presence.close()
    this.#forget([...this.awareness.getStates().keys()])
    this.#setSynced(false)
    if (end.kind === 'failed' || end.kind === 'refused') this.emit('connection-error', [end.error, this])
    if (!wasConnected) return
    this.emit('status', [{ status: 'disconnected' }])
    this.emit('connection-close', [{ reason: end.kind }, this])
  }

  #report(end: FollowEnd): void {
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

  /** After a difference the server's own state is known only to the server. Asks until it answers or the connection ends. */
  async #askAndSettle(round: number, difference: Uint8Array): Promise<void> {
    // All of the server's deletions if it was to a state vector; the later ones, which will do, at a position.
    const deletions = deletionsOf(difference)
    const backoff = new Backoff(this.#connection.backoff.baseMs, this.#connection.backoff.maxMs)
    this.#asking = true
    this.#tellUnsent()
    while (this.#round === round) {
      try {
        const { vector, id } = await this.#server.stateVector()
        if (this.#round !== round) return
        if (epochOf(id) !== null && this.#epoch !== null && epochOf(id) !== this.#epoch) return this.#connection.reopen()
        return this.#settle({ stateVector: vector, deletions })
      } catch (error) {
        if (this.#round !== round) return
        if (saysDeleted(error)) return this.#documentDeleted(false)
        if (error instanceof WeftError) this.emit('error', [error, this])
        await new Promise((resolve) => setTimeout(resolve, backoff.next()))
      }
    }
  }

  #outboxHost() {
    return {
      post: (update: Uint8Array) => this.#post(update),
      onCount: () => this.#tellUnsent(),
      onProblem: (error: WeftError) => this.emit('error', [error, this]),
      // The next connection tells by a reset what has become of our position.
      onEpochChanged: (delayMs: number) => setTimeout(() => this.#connection.reopen(), delayMs),
      onDeleted: () => this.#documentDeleted(false),
    }
  }

  /**
   * Sends the way the document is followed, if that goes up as well; by a POST in doubt, and for the first write of a
   * document's life, since only a receipt tells the epoch.
   */
  async #post(update: Uint8Array): Promise<void> {
    const follower = this.#connection.follower
    if (follower?.sendUpdate !== undefined && this.#epoch !== null && !this.#needsReceipt) {
      if (await follower.sendUpdate(update)) return
      if (!this.shouldConnect) throw new Error('disconnected')
      this.#needsReceipt = true
    }
    const receipt = await this.#server.postUpdate(update, this.#epoch)
    this.#needsReceipt = false
    // The position stays: it is moved by what we follow alone, which has the events of others in between.
    this.#epoch ??= epochOf(receipt.id)
  }

  async #postAwareness(update: Uint8Array): Promise<void> {
    if (this.#connection.follower?.sendAwareness?.(update) !== true) await this.#server.postAwareness(update)
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
    // From the server, our own id comes only in answer to somebody's claim that we are gone.
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
    const running = this.#connection.follower !== null
    this.#connection.stop()
    this.#outbox.close()
    this.#presence.close()
    this.#tabs.close()
    if (running) this.#disconnected({ kind: 'ended' })
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

  /** Ourselves never. */
  #forget(clientIds: number[]): void {
    const others = clientIds.filter((id) => id !== this.awareness.clientID)
    removeAwarenessStates(this.awareness, others, this)
    // Their clocks too: a state with a clock that is known already would be ignored when it is told again.
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
}

function epochOf(id: string | null): string | null {
  return id?.split('.')[1] ?? null
}

/** The empty update: no structs, no deletions. */
function saysNothing(update: Uint8Array): boolean {
  return update.length === 2 && update[0] === 0 && update[1] === 0
}
