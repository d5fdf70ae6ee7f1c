// A Yjs document as the nodes that the editor shows. Reads only: what the schema does not allow is left out, where the
// binding of a live editor would delete it. Nodes are kept until what they were made of changes, so that a step through
// the past costs what it changed.
import type { BlockNoteEditor } from '@blocknote/core'
import * as Y from 'yjs'

type Schema = BlockNoteEditor['pmSchema']
export type Node = ReturnType<Schema['node']>
type YNode = Y.XmlElement | Y.XmlText | Y.XmlHook

/** The editor names a mark that may overlap with its own kind `NAME--HASH`. */
const HASHED_MARK = /^(.*)--[a-zA-Z0-9+/=]{8}$/

export class Drawing {
  readonly #schema: Schema
  readonly #fragment: Y.XmlFragment
  readonly #nodes = new WeakMap<YNode, Node[]>()

  constructor(schema: Schema, fragment: Y.XmlFragment) {
    this.#schema = schema
    this.#fragment = fragment
  }

  /** That type has changed, so everything it is part of is drawn anew. */
  forget(type: Y.AbstractType<unknown>): void {
    for (let at: unknown = type; at instanceof Y.AbstractType; at = at.parent) this.#nodes.delete(at as YNode)
  }

  document(): Node {
    const top = this.#schema.topNodeType
    try {
      return top.createChecked(null, this.#children(this.#fragment))
    } catch {
      // Before anybody had written, for instance.
      return top.createAndFill() as Node
    }
  }

  /** Where, in document(), that place in a text is; or, of an element, the first line of its child there. */
  position(type: Y.AbstractType<unknown>, offset: number): number | null {
    if (type instanceof Y.XmlText) {
      const start = this.#start(type)
      return start === null ? null : start + Math.min(offset, sizeOf(this.#nodes.get(type) ?? []))
    }
    const child = type instanceof Y.XmlFragment ? (type.get(offset) as YNode | undefined) : undefined
    if (child === undefined) return null
    const start = this.#start(child)
    const node = this.#nodes.get(child)?.[0]
    return start === null || node === undefined ? null : start + depthOfFirstLine(node)
  }

  /** Where the content of a type begins. */
  #start(type: YNode): number | null {
    let position = 0
    for (let at: YNode = type; ; at = at.parent as YNode) {
      const parent = at.parent
      if (!(parent instanceof Y.XmlFragment) || !this.#nodes.get(at)) return null
      for (const sibling of parent.toArray() as YNode[]) {
        if (sibling === at) break
        position += sizeOf(this.#nodes.get(sibling) ?? [])
      }
      if (at instanceof Y.XmlElement) position += 1
      if (parent === this.#fragment) return position
    }
  }

  #children(parent: Y.XmlFragment): Node[] {
    return (parent.toArray() as YNode[]).flatMap((child) => this.#draw(child))
  }

  #draw(type: YNode): Node[] {
    const kept = this.#nodes.get(type)
    if (kept !== undefined) return kept
    const drawn = this.#drawAnew(type)
    this.#nodes.set(type, drawn)
    return drawn
  }

  #drawAnew(type: YNode): Node[] {
    try {
      if (type instanceof Y.XmlElement) return [this.#schema.node(type.nodeName, type.getAttributes(), this.#children(type))]
      return type instanceof Y.XmlText ? this.#text(type) : []
    } catch {
      return []
    }
  }

  #text(text: Y.XmlText): Node[] {
    return (text.toDelta() as { insert: unknown; attributes?: Record<string, Record<string, unknown>> }[]).flatMap(({ insert, attributes }) => {
      if (typeof insert !== 'string') return []
      const marks = Object.entries(attributes ?? {}).map(([name, attrs]) => this.#schema.mark(HASHED_MARK.exec(name)?.[1] ?? name, attrs))
      return [this.#schema.text(insert, marks)]
    })
  }
}

function sizeOf(nodes: readonly Node[]): number {
  return nodes.reduce((size, node) => size + node.nodeSize, 0)
}

function depthOfFirstLine(node: Node): number {
  let depth = 0
  for (let at = node.firstChild; at !== null && !at.isText && !at.isLeaf; at = at.firstChild) depth += 1
  return depth
}

/** Makes the editor show `next`, by replacing the blocks that differ. */
export function show(editor: BlockNoteEditor, next: Node): void {
  editor.transact((tr) => {
    const [before, after] = [tr.doc.firstChild, next.firstChild]
    tr.setMeta('addToHistory', false)
    if (before === null || after === null || before.type !== after.type || tr.doc.childCount + next.childCount > 2) {
      tr.replaceWith(0, tr.doc.content.size, next.content)
      return
    }
    const shared = Math.min(before.childCount, after.childCount)
    let head = 0
    while (head < shared && before.child(head).eq(after.child(head))) head += 1
    let tail = 0
    while (tail < shared - head && before.child(before.childCount - 1 - tail).eq(after.child(after.childCount - 1 - tail))) tail += 1
    const blocks = after.children.slice(head, after.childCount - tail)
    const from = 1 + sizeOf(before.children.slice(0, head))
    const to = 1 + sizeOf(before.children.slice(0, before.childCount - tail))
    if (from < to || blocks.length > 0) tr.replaceWith(from, to, blocks)
  })
}
