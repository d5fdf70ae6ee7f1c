import '@blocknote/core/fonts/inter.css'
import '@blocknote/mantine/style.css'
import { BlockNoteView } from '@blocknote/mantine'
import { useCreateBlockNote } from '@blocknote/react'
import { useEffect, useMemo } from 'react'
import { caretsFor } from './carets'
import type { Session } from './session'
import type { Theme } from './theme'

interface Props {
  session: Session
  theme: Theme
  editable: boolean
}

export function Editor({ session, theme, editable }: Props) {
  const carets = useMemo(() => caretsFor(session.provider.awareness), [session])
  useEffect(() => carets.stop, [carets])
  const editor = useCreateBlockNote(
    {
      collaboration: {
        provider: session.provider,
        fragment: session.fragment,
        user: session.provider.awareness.getLocalState()?.user,
        renderCursor: carets.render,
        showCursorLabels: 'always',
      },
      // An empty block after the last one would be written by everybody who looks.
      trailingBlock: false,
      domAttributes: { editor: { 'aria-label': `Document ${session.name}`, 'data-testid': 'editor' } },
    },
    [session],
  )
  return <BlockNoteView editor={editor} editable={editable} theme={theme} />
}
