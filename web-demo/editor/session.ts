// One document while it is open: the Yjs document, its provider, and what the page shows of both.
import { type Transport, WeftProvider } from 'weft-client'
import * as Y from 'yjs'
import type { Person } from './identity'
import { remember } from './past/acquaintances'
import { createDocument, FRAGMENT } from './seed'
import type { TransportChoice } from './transport'

/** Shorter than this, unsent edits are not worth a word: most are acknowledged within milliseconds. */
const SAVING_SHOWN_AFTER_MS = 400

export interface SessionState {
  connection: 'connecting' | 'connected' | 'disconnected'
  /** How the document is followed; null before the first connection. */
  transport: Transport | null
  /** There is something to edit. */
  ready: boolean
  unsent: number
  /** Unsent edits have been waiting for long enough to say so. */
  saving: boolean
  /** Why the server does not take what we wrote. */
  refused: string | null
  /** Why the document cannot be opened. */
  closed: string | null
  deleted: 'no' | 'deleted' | 'replaced'
  people: Present[]
}

export interface Present extends Person {
  clientId: number
  isSelf: boolean
}

export class Session {
  readonly name: string
  readonly transport: TransportChoice
  readonly doc = new Y.Doc()
  readonly fragment = this.doc.getXmlFragment(FRAGMENT)
  readonly provider: WeftProvider
  state: SessionState = {
    connection: 'connecting',
    transport: null,
    ready: false,
    unsent: 0,
    saving: false,
    refused: null,
    closed: null,
    deleted: 'no',
    people: [],
  }
  #person: Person
  /** The client that wrote the document's beginning, if that was us. */
  #seeder: number | null = null
  readonly #listeners = new Set<() => void>()
  #savingTimer: ReturnType<typeof setTimeout> | undefined
  #seeding = false

  constructor(name: string, person: Person, transport: TransportChoice) {
    this.name = name
    this.transport = transport
    this.#person = person
    if (this.#seeder !== null) remember(this.#seeder, person)
    this.provider = new WeftProvider(location.origin, name, this.doc, { connect: false, transport })
    this.provider.on('status', ({ status }) => this.#change({ connection: status }))
    this.provider.on('transport', ({ transport }) => this.#change({ transport }))
    this.provider.on('unsent', (count) => this.#unsent(count))
    this.provider.on('error', () => this.#change({ refused: this.provider.refused?.message ?? null }))
    this.provider.on('deleted', ({ replaced }) => this.#change({ deleted: replaced ? 'replaced' : 'deleted' }))
    this.provider.on('closed', ({ reason }) => this.#change({ closed: reason }))
    this.provider.on('synced', (synced) => synced && void this.#begin())
    this.provider.awareness.on('change', () => this.#change({ people: this.#people() }))
    this.rename(person)
    this.provider.connect()
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  snapshot = (): SessionState => this.state

  rename(person: Person): void {
    this.#person = person
    if (this.#seeder !== null) remember(this.#seeder, person)
    this.provider.awareness.setLocalStateField('user', person)
  }

  /** Tries again what the server has refused. */
  retry(): void {
    this.provider.connect()
    this.#change({ refused: null })
  }

  end(): void {
    clearTimeout(this.#savingTimer)
    this.#listeners.clear()
    this.provider.destroy()
    this.doc.destroy()
  }

  /** After the first sync; a document that nobody has written to yet gets its beginning from the server. */
  async #begin(): Promise<void> {
    if (this.state.ready || this.#seeding) return
    if (this.fragment.length > 0 || this.provider.lastEventId !== '0') return this.#change({ ready: true })
    this.#seeding = true
    this.doc.once('update', () => this.#change({ ready: true }))
    try {
      this.#seeder = await createDocument(this.name)
    } catch (error) {
      console.error('the new document could not be created', error)
      this.#change({ ready: true })
    }
    if (this.#seeder !== null) remember(this.#seeder, this.#person)
    this.#seeding = false
  }

  #unsent(unsent: number): void {
    this.#change({ unsent })
    if (unsent === 0) {
      clearTimeout(this.#savingTimer)
      this.#savingTimer = undefined
      this.#change({ saving: false, refused: null })
    } else {
      this.#savingTimer ??= setTimeout(() => this.#change({ saving: true }), SAVING_SHOWN_AFTER_MS)
    }
  }

  #people(): Present[] {
    const self = this.provider.awareness.clientID
    const people = [...this.provider.awareness.getStates()].flatMap(([clientId, state]) => {
      const user = state.user as Partial<Person> | undefined
      if (typeof user?.name !== 'string' || typeof user.color !== 'string') return []
      remember(clientId, { name: user.name, color: user.color })
      return [{ id: String(user.id), name: user.name, color: user.color, clientId, isSelf: clientId === self }]
    })
    return people.sort((a, b) => Number(b.isSelf) - Number(a.isSelf) || a.clientId - b.clientId)
  }

  #change(change: Partial<SessionState>): void {
    this.state = { ...this.state, ...change }
    for (const listener of this.#listeners) listener()
  }
}
