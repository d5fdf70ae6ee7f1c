// Light or dark: as the system says, until somebody chooses.
import { useEffect, useState } from 'react'

export type Theme = 'light' | 'dark'

const STORAGE_KEY = 'weft-demo:theme'
const darkSystem = matchMedia('(prefers-color-scheme: dark)')

function chosen(): Theme | null {
  try {
    const stored = localStorage.getItem(STORAGE_KEY)
    return stored === 'light' || stored === 'dark' ? stored : null
  } catch {
    return null
  }
}

export function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState<Theme>(() => chosen() ?? (darkSystem.matches ? 'dark' : 'light'))
  useEffect(() => {
    const follow = () => chosen() ?? setTheme(darkSystem.matches ? 'dark' : 'light')
    darkSystem.addEventListener('change', follow)
    return () => darkSystem.removeEventListener('change', follow)
  }, [])
  useEffect(() => {
    document.documentElement.dataset.theme = theme
  }, [theme])
  const toggle = () => {
    const next = theme === 'dark' ? 'light' : 'dark'
    setTheme(next)
    try {
      localStorage.setItem(STORAGE_KEY, next)
    } catch {
      // No storage: the choice lasts as long as the window.
    }
  }
  return [theme, toggle]
}
