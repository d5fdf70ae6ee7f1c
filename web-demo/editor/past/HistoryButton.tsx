import type { Ref } from 'react'

export function HistoryButton({ ref, open, onToggle }: { ref: Ref<HTMLButtonElement>; open: boolean; onToggle(): void }) {
  const label = open ? 'Back to the document' : 'History'
  return (
    <button ref={ref} type="button" className="icon-button history-button" data-open={open} aria-label={label} onClick={onToggle}>
      <svg viewBox="0 0 20 20" aria-hidden="true">
        <path d="M3.9 8.2a6.35 6.35 0 1 1-.2 3.2M3.6 4.6v3.7h3.7M10 6.8V10l2.3 1.6" />
      </svg>
      <span className="wide-only" aria-hidden="true">
        {label}
      </span>
    </button>
  )
}
