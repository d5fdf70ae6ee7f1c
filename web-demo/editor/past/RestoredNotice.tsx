// Says that a version was restored, and takes it back.
import { useMemo, useState } from 'react'
import { WeftHistory } from 'weft-client'
import type { Session } from '../session'
import type { Restored } from './restore'
import { problemInWords } from './words'

interface Props {
  session: Session
  restored: Restored
  /** Opens the history there. */
  onLook(id: string): void
  onDismiss(): void
}

export function RestoredNotice({ session, restored, onLook, onDismiss }: Props) {
  const past = useMemo(() => new WeftHistory(location.origin, session.name), [session])
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)

  const takeBack = async () => {
    setBusy(true)
    try {
      // What was written since would go with it; the person shall see that first.
      const since = await past.page({ after: restored.id, limit: 1, updates: false })
      if (since.events.length > 0) return onLook(restored.before)
      await past.restore(restored.before)
      onDismiss()
    } catch (error) {
      setProblem(problemInWords(error))
      setBusy(false)
    }
  }
  return (
    <aside className="notice calm" role="status" data-testid="restored">
      <p>{problem ?? `The document reads as it did ${restored.version}.`}</p>
      <div className="choice">
        <button type="button" className="button plain" disabled={busy} onClick={() => void takeBack()}>
          Undo
        </button>
        <button type="button" className="button plain" onClick={onDismiss}>
          Dismiss
        </button>
      </div>
    </aside>
  )
}
