// A weft server with the built demo, and Chromium windows on it; all of it ends with the test.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DEMO = join(ROOT, 'web-demo')
const DIST = join(DEMO, 'dist')
const WEFT = process.env.WEFT_BIN ?? join(ROOT, 'build/dev/src/weft')
const CHROMIUM = process.env.WEFT_CHROMIUM ?? '/usr/bin/chromium'
const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** Far more than anything takes; on its expiry the test fails. */
const PATIENCE_MS = 60_000

/** Builds the demo unless it is there; `npm run build` in web-demo makes it anew. */
export function buildDemo() {
  if (existsSync(join(DIST, 'index.html'))) return
  const npm = (...args) => execFileSync('npm', args, { cwd: DEMO, stdio: 'inherit' })
  if (!existsSync(join(DEMO, 'node_modules'))) npm('ci', '--no-audit', '--no-fund')
  npm('run', 'build')
}

export class Server {
  #process = null
  #data
  /** The same from the first start on, so that windows find a restarted server. */
  port = 0

  constructor(data) {
    this.#data = data
  }

  static async forTest(t) {
    const data = await mkdtemp(join(tmpdir(), 'weft-browser-'))
    const server = new Server(join(data, 'data'))
    t.after(async () => {
      await server.kill()
      await rm(data, { recursive: true, force: true })
    })
    await server.start()
    return server
  }

  get url() {
    return `http://127.0.0.1:${this.port}`
  }

  async start() {
    const args = ['serve', '--listen', `127.0.0.1:${this.port}`, '--data', this.#data, '--static', DIST]
    this.#process = spawn(WEFT, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await Promise.race([once(createInterface(this.#process.stdout), 'line'), this.#early()])
    const [, port] = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(line) ?? []
    assert.ok(port, `the server's first line: ${line}`)
    this.port = Number(port)
  }

  async #early() {
    const [code] = await once(this.#process, 'exit')
    throw new Error(`${WEFT} ended with ${code}`)
  }

  /** SIGKILL: no farewell, no flush. */
  async kill() {
    const dying = this.#process
    this.#process = null
    if (dying === null || dying.exitCode !== null) return
    dying.kill('SIGKILL')
    await once(dying, 'exit')
  }
}

export async function browserForTest(t) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS })
  t.after(() => browser.close())
  return browser
}

/** One person's window: a context of its own, so nothing is shared with other windows but the server. */
export class Window {
  constructor(page) {
    this.page = page
    this.problems = []
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', (error) => this.problems.push(String(error)))
  }

  static async open(browser, address, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1100, height: 760 }, ...options })
    const window = new Window(await context.newPage())
    await window.page.goto(address)
    // Attached, since an address may show the past in its place.
    await window.page.locator('[data-testid=sheet][data-ready=true]').waitFor({ state: 'attached' })
    await window.page.locator('[data-testid=editor]').waitFor({ state: 'attached' })
    await window.until('connected', () => document.querySelector('[data-testid=status]')?.dataset.connection === 'connected')
    return window
  }

  async until(what, condition, argument) {
    try {
      await this.page.waitForFunction(condition, argument, { timeout: PATIENCE_MS })
    } catch (error) {
      throw new Error(`waited in vain for: ${what}: ${error.message}`)
    }
  }

  async callMyself(name) {
    await this.page.locator('.people .popover-button').click()
    await this.page.getByLabel('Your name').fill(name)
    await this.page.keyboard.press('Escape')
  }

  /** The text of each block, without the carets that stand in it. */
  blocks(editor = 'editor') {
    return this.page.evaluate(
      (editor) =>
        [...document.querySelectorAll(`[data-testid=${editor}] .bn-inline-content`)].map((block) => {
          const copy = block.cloneNode(true)
          for (const caret of copy.querySelectorAll('.bn-collaboration-cursor__base')) caret.remove()
          return copy.textContent
        }),
      editor,
    )
  }

  /** Waits until the history shows the moment with that id; hands over its blocks. */
  async blocksOf(id) {
    await this.until(`the moment ${id}`, (wanted) => {
      const { id, shown, playing } = document.querySelector('[data-testid=moment]')?.dataset ?? {}
      return id === wanted && shown === wanted && playing === 'false'
    }, id)
    return this.blocks('past-editor')
  }

  /**
   * Puts the caret at the end of a block, and waits until somebody else sees it there: only then has the editor taken
   * note of where the browser put it.
   */
  async placeCaret(index, name, other) {
    await this.page.locator('.bn-editor .bn-inline-content').nth(index).click()
    await this.page.keyboard.press('End')
    await other.seesCaretAtEnd(index, name)
  }

  /** A new block below that one, with the caret in it. */
  async beginBlockAfter(index, name, other) {
    await this.placeCaret(index, name, other)
    await this.page.keyboard.press('Enter')
    await other.seesCaretAtEnd(index + 1, name)
  }

  seesCaretAtEnd(index, name) {
    return this.until(`${name} at the end of block ${index}`, ([index, name]) => {
      const block = document.querySelectorAll('.bn-editor .bn-inline-content')[index]
      const labels = [...(block?.querySelectorAll('.bn-collaboration-cursor__label') ?? [])]
      const label = labels.find((candidate) => candidate.textContent === name)
      if (label === undefined) return false
      const behind = document.createRange()
      behind.setStartAfter(label.closest('.bn-collaboration-cursor__base'))
      behind.setEndAfter(block.lastChild)
      return behind.toString().replaceAll('\u2060', '') === ''
    }, [index, name])
  }

  seesCaretOf(name) {
    return this.until(`the caret of ${name}`, (wanted) =>
      [...document.querySelectorAll('.bn-collaboration-cursor__label')].some((label) => label.textContent === wanted), name)
  }

  connection(state) {
    return this.until(state, (wanted) => document.querySelector('[data-testid=status]')?.dataset.connection === wanted, state)
  }

  allSent() {
    return this.until('everything acknowledged', () => {
      const { connection, unsent } = document.querySelector('[data-testid=status]')?.dataset ?? {}
      return connection === 'connected' && unsent === '0'
    })
  }

  /** How the document comes here, in the page's words. */
  comesBy(words) {
    return this.until(`followed by ${words}`, (wanted) => document.querySelector('[data-testid=transport]')?.textContent === wanted, words)
  }

  sees(word) {
    return this.until(`the word ${word}`, (wanted) => document.querySelector('[data-testid=editor]')?.textContent.includes(wanted), word)
  }

  async shot(name) {
    const folder = process.env.WEFT_SHOTS
    if (folder === undefined) return
    await mkdir(folder, { recursive: true })
    await this.page.screenshot({ path: join(folder, `${name}.png`) })
  }
}

/** Waits until all windows show the same blocks; hands them over. */
export async function converged(...windows) {
  const giveUpAt = Date.now() + PATIENCE_MS
  for (;;) {
    const [first, ...others] = await Promise.all(windows.map((window) => window.blocks()))
    if (others.every((other) => other.join('\n') === first.join('\n'))) return first
    if (Date.now() > giveUpAt) {
      assert.fail(`the windows show different texts:\n${JSON.stringify([first, ...others], null, 2)}`)
    }
  }
}

/** `a1 a2 a3 ...`: words that cannot be mistaken for one another, and an order that can be checked. */
export const words = (letter, from, to) => Array.from({ length: to - from + 1 }, (_, i) => `${letter}${from + i}.`)

export async function type(window, list) {
  for (const word of list) await window.page.keyboard.type(`${word} `)
}

export function assertHas(blocks, list) {
  const text = list.map((word) => `${word} `).join('')
  assert.ok(blocks.some((block) => block.includes(text.trimEnd())), `${text}in ${JSON.stringify(blocks, null, 2)}`)
}

/** Two windows on one document; `query` is added to Ada's address. */
export async function twoPeople(t, query = '') {
  const server = await Server.forTest(t)
  const browser = await browserForTest(t)
  const address = `${server.url}/?doc=two%20people`
  const [ada, ben] = await Promise.all([Window.open(browser, address + query), Window.open(browser, address)])
  await ada.callMyself('Ada')
  await ben.callMyself('Ben')
  t.after(() => assert.deepEqual([...ada.problems, ...ben.problems], [], 'errors on the pages'))
  return { server, browser, address, ada, ben }
}
