// Asks before a version is restored: everybody who has the document open will see it happen.
import { useEffect, useRef } from 'react'

interface Props {
  /** When that was, in prose. */
  version: string
  /** It is being done. */
  busy: boolean
  problem: string | null
  onConfirm(): void
  onCancel(): void
}

export function RestoreDialog({ version, busy, problem, onConfirm, onCancel }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby="restore-title"
      onCancel={(event) => {
        event.preventDefault()
        onCancel()
      }}
    >
      <h2 id="restore-title">Restore this version?</h2>
      <p>
        The document will read as it did <strong>{version}</strong>, for everybody who has it open. What is there now stays in the history, so
        this can be taken back.
      </p>
      {problem !== null && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <div className="choice">
        <button type="button" className="button plain" onClick={onCancel}>
          Cancel
        </button>
        <button type="button" className="button" disabled={busy} onClick={onConfirm}>
          {busy ? 'Restoring…' : 'Restore'}
        </button>
      </div>
    </dialog>
  )
}
