// The past of one document while somebody looks at it: the list of its events, a Yjs document as of one of them, and
// the ways to another one. Steps forward apply the recorded updates, fetched ahead of need and many at a time; any
// other way asks for the whole state. One request for a moment is under way at a time, and the next one is for where
// the slider is by then, however far it was moved meanwhile.
import { WeftHistory } from 'weft-client'
import * as Y from 'yjs'
import { FRAGMENT } from '../seed'
import { type Moment, placeOf, type Sitting, sittingsOf } from './moments'
import { mayPass, problemInWords } from './words'

/** The address of the last moment, whatever its id. */
export const LATEST = 'latest'
export const SPEEDS = [0.25, 0.5, 1, 2, 4]
/** At speed 1 a history of many events takes this long, and one of few no longer than they need to be seen. */
const PLAY_MS = 15_000
const EVENT_MS_MAX = 350
/** A frame that comes late does not make up for more than this. */
const FRAME_MS_MAX = 200
/** A state is asked for rather than so many steps. */
const STEPS_MAX = 400
const STEPS_BYTES_MAX = 128 * 1024
/** What one request fetches ahead while playing, and how much of it is left when the next one is made. */
const AHEAD_MAX = 1000
const AHEAD_BYTES_MAX = 1024 * 1024
const AHEAD_LEFT = 500
const LIST_SHOWN_EVERY = 2000
/** Events come in bursts: ours and everybody's. */
const GROWTH_DELAY_MS = 250

export interface PlaybackState {
  moments: readonly Moment[]
  sittings: readonly Sitting[]
  /** The list is still coming. */
  listing: boolean
  /** Where the slider is; the document follows. -1 while unknown. */
  place: number
  /** The moment that the document shows. */
  shown: string | null
  playing: boolean
  speed: number
  problem: { words: string; mayPass: boolean } | null
}

/** What the last step wrote, and where. */
export interface Stroke {
  type: Y.AbstractType<unknown>
  offset: number
  clients: number[]
}

export interface PlaybackView {
  /** The document is another one now. */
  begin(fragment: Y.XmlFragment): void
  /** These types have changed. */
  changed(types: Iterable<Y.AbstractType<unknown>>): void
  /** All changes of a step have been told. */
  draw(stroke: Stroke | null, playing: boolean): void
}

export class Playback {
  readonly past: WeftHistory
  state: PlaybackState = {
    moments: [],
    sittings: [],
    listing: true,
    place: -1,
    shown: null,
    playing: false,
    speed: 1,
    problem: null,
  }
  readonly #listeners = new Set<() => void>()
  readonly #abort = new AbortController()
  readonly #moments: Moment[] = []
  #doc = new Y.Doc()
  #view: PlaybackView | null = null
  /** The place of the moment that the document holds; -1 if it is not in the list (yet). */
  #shown = -1
  /** Updates that were fetched already, from place `first` on. */
  #ahead: { first: number; updates: Uint8Array[] } = { first: 0, updates: [] }
  #fetching: Promise<void> | null = null
  #settling = false
  #listing = false
  #listAgain = false
  #growth: ReturnType<typeof setTimeout> | undefined
  /** What the address asked for, until it is found in the list. */
  #wanted: string
  #stroke: Stroke | null = null
  #frame = 0
  #due = 0
  #lastFrameAt = 0

  constructor(name: string, at: string) {
    this.past = new WeftHistory(location.origin, name)
    this.#wanted = at
    this.#observe()
    if (at !== LATEST) void this.#settle()
    this.grow()
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  snapshot = (): PlaybackState => this.state

  /** Whoever draws the document; what it holds already is told at once. */
  attach(view: PlaybackView): () => void {
    this.#view = view
    view.begin(this.#doc.getXmlFragment(FRAGMENT))
    view.draw(null, false)
    return () => {
      this.#view = null
    }
  }

  end(): void {
    this.pause()
    clearTimeout(this.#growth)
    this.#abort.abort()
    this.#listeners.clear()
    this.#doc.destroy()
  }

  /** To an id, as addresses have it. */
  open(id: string): void {
    this.pause()
    this.#wanted = id
    this.#change({ problem: null })
    const place = id === LATEST ? this.#moments.length - 1 : placeOf(this.#moments, id)
    if (place >= 0) this.goTo(place)
    else if (id !== LATEST) void this.#settle()
  }

  goTo(place: number): void {
    if (this.#moments.length === 0) return
    this.#wanted = ''
    this.#due = 0
    this.#change({ place: Math.max(0, Math.min(place, this.#moments.length - 1)), problem: null })
    void this.#settle()
  }

  play(): void {
    if (this.state.playing || this.#moments.length === 0) return
    if (this.state.place < 0 || this.state.place === this.#moments.length - 1) this.goTo(0)
    this.#lastFrameAt = performance.now()
    this.#due = 0
    this.#change({ playing: true, problem: null })
    this.#frame = requestAnimationFrame(this.#tick)
  }

  pause(): void {
    cancelAnimationFrame(this.#frame)
    if (this.state.playing) this.#change({ playing: false })
  }

  setSpeed(speed: number): void {
    this.#change({ speed })
  }

  /** Asks for the events that are new. */
  grow(): void {
    clearTimeout(this.#growth)
    this.#growth = setTimeout(() => void this.#list(), this.#moments.length === 0 ? 0 : GROWTH_DELAY_MS)
  }

  retry(): void {
    this.#change({ problem: null })
    this.grow()
    void this.#settle()
  }

  // The list

  async #list(): Promise<void> {
    this.#listAgain = true
    if (this.#listing) return
    this.#listing = true
    while (this.#listAgain && !this.#abort.signal.aborted) {
      this.#listAgain = false
      await this.#listOn()
    }
    this.#listing = false
  }

  async #listOn(): Promise<void> {
    const after = this.#moments.at(-1)?.id
    const range = { updates: false, signal: this.#abort.signal, ...(after === undefined ? {} : { after }) }
    try {
      for await (const { id, time, bytes, clients } of this.past.events(range)) {
        this.#moments.push({ id, time: time.getTime(), bytes, clients })
        if (this.#moments.length % LIST_SHOWN_EVERY === 0) this.#listed(true)
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#listed(false)
  }

  #listed(more: boolean): void {
    if (this.#abort.signal.aborted) return
    if (!more || this.state.listing) {
      this.#change({ moments: this.#moments.slice(), sittings: sittingsOf(this.#moments), listing: more })
    }
    if (this.#wanted === LATEST) {
      if (!more) this.goTo(this.#moments.length - 1)
      return
    }
    const place = this.#wanted === '' ? -1 : placeOf(this.#moments, this.#wanted)
    if (place < 0) return
    if (this.state.shown === this.#wanted) this.#shown = place
    this.goTo(place)
  }

  // The document

  async #settle(): Promise<void> {
    if (this.#settling) return
    this.#settling = true
    try {
      while (!this.#abort.signal.aborted && !this.#settled()) await this.#move()
    } catch (error) {
      this.#fail(error)
    }
    this.#settling = false
  }

  #settled(): boolean {
    if (this.state.problem !== null) return true
    if (this.#wanted !== '' && this.#wanted !== LATEST) return this.state.shown === this.#wanted
    return this.#shown === this.state.place
  }

  async #move(): Promise<void> {
    if (this.#wanted !== '' && this.#wanted !== LATEST) return this.#jump(this.#wanted)
    const place = this.state.place
    if (this.#step(place)) return
    // Where to go may have changed when that is there, so it is only fetched.
    if (this.#isNear(place)) return this.#fetchAhead(place)
    await this.#jump((this.#moments[place] as Moment).id)
  }

  async #jump(id: string): Promise<void> {
    const state = await this.past.state(id, this.#abort.signal)
    const doc = new Y.Doc()
    Y.applyUpdate(doc, state)
    this.#doc.destroy()
    this.#doc = doc
    this.#shown = placeOf(this.#moments, id)
    this.#observe()
    this.#view?.begin(doc.getXmlFragment(FRAGMENT))
    this.#view?.draw(null, this.state.playing)
    this.#change({ shown: id })
  }

  /** Forward to that place, if all updates up to it are at hand. */
  #step(place: number): boolean {
    const { first, updates } = this.#ahead
    if (this.#shown < 0 || place <= this.#shown || this.#shown + 1 < first || place >= first + updates.length) return false
    this.#stroke = null
    for (let at = this.#shown + 1; at <= place; at++) Y.applyUpdate(this.#doc, updates[at - first] as Uint8Array, this.#moments[at])
    this.#shown = place
    if (place - first > AHEAD_MAX) this.#ahead = { first: place + 1, updates: updates.slice(place + 1 - first) }
    this.#view?.draw(this.#stroke, this.state.playing)
    this.#change({ shown: (this.#moments[place] as Moment).id })
    return true
  }

  #isNear(place: number): boolean {
    if (this.#shown < 0 || place <= this.#shown) return false
    if (this.state.playing) return place - this.#shown <= AHEAD_MAX
    let bytes = 0
    for (let at = this.#shown + 1; at <= place; at++) bytes += (this.#moments[at] as Moment).bytes
    return place - this.#shown <= STEPS_MAX && bytes <= STEPS_BYTES_MAX
  }

  /** Fetches what lies between the document and that place, and some more. */
  #fetchAhead(place: number): Promise<void> {
    this.#fetching ??= this.#fetchOn(place).finally(() => {
      this.#fetching = null
    })
    return this.#fetching
  }

  async #fetchOn(place: number): Promise<void> {
    const end = this.#ahead.first + this.#ahead.updates.length
    const goesOn = this.#ahead.first <= this.#shown + 1 && end > this.#shown
    const from = goesOn ? end : this.#shown + 1
    const updates: Uint8Array[] = goesOn ? this.#ahead.updates : []
    const first = goesOn ? this.#ahead.first : from
    const [countMax, bytesMax] = this.state.playing ? [AHEAD_MAX, AHEAD_BYTES_MAX] : [STEPS_MAX, STEPS_BYTES_MAX]
    let bytes = 0
    let to = from
    for (; to < this.#moments.length && to - from < countMax; to++) {
      bytes += (this.#moments[to] as Moment).bytes
      if (bytes > bytesMax && to > place) break
    }
    const wanted = updates.length + to - from
    const range = { after: from === 0 ? '0' : (this.#moments[from - 1] as Moment).id, until: (this.#moments[to - 1] as Moment).id }
    for await (const { update } of this.past.events({ ...range, signal: this.#abort.signal })) updates.push(update as Uint8Array)
    if (updates.length < wanted) throw new Error('the server has told less of the history than before')
    this.#ahead = { first, updates }
  }

  #observe(): void {
    this.#doc.getXmlFragment(FRAGMENT).observeDeep((events, transaction) => {
      this.#view?.changed(events.map((event) => event.target as Y.AbstractType<unknown>))
      const moment = transaction.origin as Moment | null
      if (moment === null) return
      for (const event of events) this.#stroke = strokeOf(event, moment) ?? this.#stroke
    })
  }

  // Playing

  #tick = (now: number): void => {
    const { place, speed } = this.state
    const elapsed = Math.min(now - this.#lastFrameAt, FRAME_MS_MAX)
    this.#lastFrameAt = now
    this.#frame = requestAnimationFrame(this.#tick)
    if (this.#settling || this.#shown !== place) {
      void this.#settle()
      return
    }
    const last = this.#moments.length - 1
    if (place === last) {
      this.pause()
      return
    }
    const eventsPerMs = Math.max(this.#moments.length / PLAY_MS, 1 / EVENT_MS_MAX)
    this.#due += elapsed * eventsPerMs * speed
    const steps = Math.min(Math.floor(this.#due), last - place, AHEAD_MAX)
    const left = this.#ahead.first + this.#ahead.updates.length - 1 - place
    if (left < AHEAD_LEFT && left < last - place && this.#fetching === null) this.#fetchAhead(place + steps).catch((error) => this.#fail(error))
    if (steps === 0) return
    this.#due -= steps
    this.state = { ...this.state, place: place + steps }
    if (!this.#step(place + steps)) void this.#settle()
  }

  #fail(error: unknown): void {
    if (this.#abort.signal.aborted) return
    console.error('the history cannot be shown', error)
    this.pause()
    this.#change({ problem: { words: problemInWords(error), mayPass: mayPass(error) } })
  }

  #change(change: Partial<PlaybackState>): void {
    this.state = { ...this.state, ...change }
    for (const listener of this.#listeners) listener()
  }
}

/** Where the writer's caret is after that. */
function strokeOf(event: Y.YEvent<Y.XmlText | Y.XmlElement | Y.XmlFragment>, { clients }: Moment): Stroke | null {
  let offset = 0
  let end: number | null = null
  for (const { retain, insert, delete: deleted } of event.delta as { retain?: number; insert?: string | unknown[]; delete?: number }[]) {
    if (retain !== undefined) offset += retain
    if (insert !== undefined && event.target instanceof Y.XmlText) offset += typeof insert === 'string' ? insert.length : 1
    if (insert !== undefined || (deleted !== undefined && event.target instanceof Y.XmlText)) end = offset
    if (Array.isArray(insert)) offset += insert.length
  }
  return end === null ? null : { type: event.target as Y.AbstractType<unknown>, offset: end, clients }
}
