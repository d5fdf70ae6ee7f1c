// The document as of a moment, in the editor's own rendering, with the caret of whoever wrote last.
import type { BlockNoteEditor } from '@blocknote/core'
import { BlockNoteView } from '@blocknote/mantine'
import { useCreateBlockNote } from '@blocknote/react'
import { useEffect, useRef } from 'react'
import type * as Y from 'yjs'
import type { Theme } from '../theme'
import { type Acquaintance, peopleOf } from './acquaintances'
import { Drawing, show } from './drawing'
import type { Playback, PlaybackView, Stroke } from './playback'

/** While playing, the caret is brought into view when it is nearer than this to an edge of the window. */
const TOP_MARGIN_PX = 190
const BOTTOM_MARGIN_PX = 96

export function PastEditor({ playback, theme, label }: { playback: Playback; theme: Theme; label: string }) {
  const editor = useCreateBlockNote(
    { trailingBlock: false, domAttributes: { editor: { 'aria-label': label, 'aria-readonly': 'true', 'data-testid': 'past-editor' } } },
    [playback],
  )
  const caret = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    const view = new PastView(editor as unknown as BlockNoteEditor, caret.current as HTMLElement)
    const detach = playback.attach(view)
    const resized = new ResizeObserver(() => view.placeCaret())
    resized.observe(editor.prosemirrorView.dom)
    return () => {
      resized.disconnect()
      detach()
    }
  }, [playback, editor])
  return (
    <div className="past-editor">
      <BlockNoteView
        editor={editor}
        editable={false}
        theme={theme}
        formattingToolbar={false}
        linkToolbar={false}
        slashMenu={false}
        sideMenu={false}
        filePanel={false}
        tableHandles={false}
        emojiPicker={false}
      />
      <span className="past-caret" ref={caret} aria-hidden="true" hidden>
        <span />
      </span>
    </div>
  )
}

class PastView implements PlaybackView {
  readonly #editor: BlockNoteEditor
  readonly #caret: HTMLElement
  #drawing: Drawing | null = null
  /** Where in the document the caret is. */
  #position: number | null = null

  constructor(editor: BlockNoteEditor, caret: HTMLElement) {
    this.#editor = editor
    this.#caret = caret
  }

  begin(fragment: Y.XmlFragment): void {
    this.#drawing = new Drawing(this.#editor.pmSchema, fragment)
  }

  changed(types: Iterable<Y.AbstractType<unknown>>): void {
    for (const type of types) this.#drawing?.forget(type)
  }

  draw(stroke: Stroke | null, playing: boolean): void {
    if (this.#drawing === null) return
    const document = this.#drawing.document()
    show(this.#editor, document)
    const [person] = peopleOf(stroke?.clients ?? [])
    const position = stroke && this.#drawing.position(stroke.type, stroke.offset)
    this.#position = person === undefined || position === null || position > document.content.size ? null : position
    if (person !== undefined) this.#paintCaret(person)
    this.placeCaret()
    if (playing) this.#follow()
  }

  /** Also when lines break elsewhere than before. */
  placeCaret(): void {
    this.#caret.hidden = this.#position === null
    const frame = this.#caret.offsetParent?.getBoundingClientRect()
    // Without a frame nothing of it is on the page now.
    if (this.#position === null || frame === undefined) return
    const at = this.#editor.prosemirrorView.coordsAtPos(this.#position)
    this.#caret.style.transform = `translate(${at.left - frame.left}px, ${at.top - frame.top}px)`
    this.#caret.style.height = `${at.bottom - at.top}px`
  }

  #paintCaret({ name, color }: Acquaintance): void {
    const label = this.#caret.firstElementChild as HTMLElement
    if (label.textContent !== name) label.textContent = name
    this.#caret.style.setProperty('--person', color)
  }

  #follow(): void {
    if (this.#position === null) return
    const { top, bottom } = this.#caret.getBoundingClientRect()
    if (top < TOP_MARGIN_PX || bottom > innerHeight - BOTTOM_MARGIN_PX) scrollBy({ top: top - innerHeight / 2 })
  }
}
