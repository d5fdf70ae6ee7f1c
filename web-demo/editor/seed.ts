// What a new document begins with. The server takes it exactly once (PUT creates, or refuses), so that people who open
// a new document at the same time do not each write a beginning of their own.
import { BlockNoteEditor, type PartialBlock } from '@blocknote/core'
import { blocksToYDoc } from '@blocknote/core/yjs'
import * as Y from 'yjs'
import { FIRST_DOCUMENT } from './route'

export const FRAGMENT = 'document-store'

type Inline = string | { type: 'text'; text: string; styles: { bold?: true; italic?: true; code?: true } }

const bold = (text: string): Inline => ({ type: 'text', text, styles: { bold: true } })
const code = (text: string): Inline => ({ type: 'text', text, styles: { code: true } })
const inline = (parts: Inline[]) => parts.map((part) => (typeof part === 'string' ? { type: 'text' as const, text: part, styles: {} } : part))
const block = (type: 'paragraph' | 'bulletListItem' | 'checkListItem', ...parts: Inline[]): PartialBlock => ({ type, content: inline(parts) })
const heading = (level: 1 | 2, text: string): PartialBlock => ({ type: 'heading', props: { level }, content: text })

function welcome(): PartialBlock[] {
  return [
    heading(1, 'Write together'),
    block('paragraph', 'This page is one document, shared by everybody who has it open. Open it in a second window, type in both, and watch the words come across as they are written.'),
    heading(2, 'Things to try'),
    block('checkListItem', 'Press ', code('/'), ' on an empty line for headings, lists, tables and more.'),
    block('checkListItem', 'Select some text to ', bold('format'), ' it.'),
    block('checkListItem', 'Pull the plug: stop the server, or the network, and go on writing. What you wrote goes out when it is back.'),
    block('checkListItem', 'Give yourself a name, at the top right.'),
    heading(2, 'How it works'),
    block('bulletListItem', 'Each edit is a small ', bold('POST'), ', acknowledged once it is on disk.'),
    block('bulletListItem', 'Everybody’s edits come back, merged, on ', bold('one event stream'), '.'),
    block('bulletListItem', 'After a break the stream goes on ', bold('where it stopped'), '.'),
    block('paragraph'),
  ]
}

function untitled(name: string): PartialBlock[] {
  return [heading(1, name), block('paragraph')]
}

/** Creates the document unless it exists, or is being created by somebody else. Returns the Yjs client that wrote its beginning. */
export async function createDocument(name: string): Promise<number | null> {
  const blocks = name === FIRST_DOCUMENT ? welcome() : untitled(name)
  const doc = blocksToYDoc(BlockNoteEditor.create(), blocks, FRAGMENT)
  const response = await fetch(`/docs/${encodeURIComponent(name)}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: Y.encodeStateAsUpdate(doc) as BodyInit,
  })
  const exists = response.status === 412
  if (!response.ok && !exists) throw new Error(`the server answered ${response.status}`)
  return exists ? null : doc.clientID
}
