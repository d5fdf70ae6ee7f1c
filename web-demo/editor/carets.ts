// Other people's carets. The editor draws each once and keeps it; names and colours are kept up to date here.
import type { Awareness } from 'y-protocols/awareness'

interface CaretUser {
  id?: string
  name: string
  color: string
}

export interface Carets {
  render(user: CaretUser): HTMLElement
  stop(): void
}

export function caretsFor(awareness: Awareness): Carets {
  const drawn = new Map<string, { base: HTMLElement; label: HTMLElement }>()

  const paint = (user: CaretUser) => {
    const caret = drawn.get(String(user.id))
    if (caret === undefined) return
    caret.base.style.setProperty('--person', user.color)
    caret.label.textContent = user.name
  }

  const repaint = () => {
    for (const { user } of awareness.getStates().values()) if (user) paint(user as CaretUser)
  }
  awareness.on('change', repaint)

  return {
    render(user) {
      const base = document.createElement('span')
      const line = document.createElement('span')
      const label = document.createElement('span')
      base.className = 'bn-collaboration-cursor__base'
      line.className = 'bn-collaboration-cursor__caret'
      label.className = 'bn-collaboration-cursor__label'
      line.contentEditable = 'false'
      line.append(label)
      // Word joiners: the caret has no width, and no line breaks at it.
      base.append('\u2060', line, '\u2060')
      drawn.set(String(user.id), { base, label })
      paint(user)
      return base
    },
    stop: () => awareness.off('change', repaint),
  }
}
