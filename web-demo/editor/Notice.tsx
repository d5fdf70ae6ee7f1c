// What stands in the way of writing, and the way on.
import type { Session, SessionState } from './session'

interface Props {
  session: Session
  state: SessionState
  /** Opens the document afresh, creating it if it was deleted. */
  onReopen(): void
}

export function Notice({ session, state, onReopen }: Props) {
  if (state.deleted !== 'no') return <DeletedNotice replaced={state.deleted === 'replaced'} onReopen={onReopen} />
  if (state.closed !== null) {
    return (
      <aside className="notice" role="alert">
        <p>
          <strong>This document cannot be opened.</strong> {state.closed}
        </p>
      </aside>
    )
  }
  if (state.refused === null) return null
  return (
    <aside className="notice" role="alert">
      <p>
        <strong>The server does not take your last changes.</strong> {state.refused} They are kept in this window for as long as it is open.
      </p>
      <button type="button" className="button" onClick={() => session.retry()}>
        Try again
      </button>
    </aside>
  )
}

function DeletedNotice({ replaced, onReopen }: { replaced: boolean; onReopen(): void }) {
  return (
    <aside className="notice" role="alert">
      <p>
        <strong>{replaced ? 'This document was deleted and begun anew.' : 'This document was deleted.'}</strong> What you see is the copy
        in this window; it is not saved any more.
      </p>
      <button type="button" className="button" onClick={onReopen}>
        {replaced ? 'Open the new one' : 'Begin anew'}
      </button>
    </aside>
  )
}
