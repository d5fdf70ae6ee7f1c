// What a browser tells of the page that we live on. Nothing elsewhere.

export interface PageHandlers {
  /** The page goes away, perhaps for good. */
  onHide(): void
  /** It is back from the browser's cache of pages. */
  onReturn(): void
  onOnline(): void
}

/** Hands over what stops it. */
export function listenToPage(handlers: PageHandlers): () => void {
  if (typeof window === 'undefined') return () => {}
  const onPageShow = (event: PageTransitionEvent) => {
    if (event.persisted) handlers.onReturn()
  }
  window.addEventListener('pagehide', handlers.onHide)
  window.addEventListener('pageshow', onPageShow)
  window.addEventListener('online', handlers.onOnline)
  return () => {
    window.removeEventListener('pagehide', handlers.onHide)
    window.removeEventListener('pageshow', onPageShow)
    window.removeEventListener('online', handlers.onOnline)
  }
}
