import { BlockNoteView } from '@blocknote/mantine'
import { useCreateBlockNote } from '@blocknote/react'
import { useEffect } from 'react'
import type { Person } from './person'
import type { Opened } from './useDocument'
import '@blocknote/core/fonts/inter.css'
import '@blocknote/mantine/style.css'

/** The name of the document's root that holds the blocks. */
const FRAGMENT = 'blocks'

export const Editor = ({ opened, person, editable }: { opened: Opened, person: Person, editable: boolean }) => {
  const { doc, provider } = opened
  const editor = useCreateBlockNote({
    collaboration: {
      fragment: doc.getXmlFragment(FRAGMENT),
      provider,
      user: person,
      showCursorLabels: 'always',
    },
  }, [opened])
  useEffect(() => {
    provider.awareness.setLocalStateField('user', person)
  }, [provider, person])
  return <BlockNoteView editor={editor} editable={editable} />
}
