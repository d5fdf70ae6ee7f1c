// The same document in several tabs of one browser: edits and presence pass between them directly, also while the
// server cannot be reached. Tabs talk only about the same life of the document, its epoch: an old tab that has not
// heard of a deletion must not bring the content back through a new one.

export type TabMessage =
  | { kind: 'hello'; stateVector: Uint8Array; answer: boolean }
  | { kind: 'update'; update: Uint8Array }
  | { kind: 'awareness'; update: Uint8Array }

type Envelope = TabMessage & { epoch: string | null }

export class Tabs {
  readonly #name: string
  readonly #epoch: () => string | null
  readonly #onMessage: (message: TabMessage) => void
  #channel: BroadcastChannel | null = null

  constructor(name: string, epoch: () => string | null, onMessage: (message: TabMessage) => void) {
    this.#name = name
    this.#epoch = epoch
    this.#onMessage = onMessage
  }

  get connected(): boolean {
    return this.#channel !== null
  }

  open(): void {
    if (this.#channel !== null) return
    this.#channel = new BroadcastChannel(this.#name)
    this.#channel.onmessage = (event: MessageEvent<Envelope>) => {
      if (event.data.epoch === this.#epoch()) this.#onMessage(event.data)
    }
  }

  close(): void {
    this.#channel?.close()
    this.#channel = null
  }

  send(message: TabMessage): void {
    const envelope: Envelope = { ...message, epoch: this.#epoch() }
    this.#channel?.postMessage(envelope)
  }
}
