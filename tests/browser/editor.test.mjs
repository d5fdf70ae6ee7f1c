// Two browsers edit one document; the server is killed in mid-typing and started again; nothing that was acknowledged is missing,
// and both pages carry on by themselves.
//
// WEFT_SHOTS=DIR keeps screenshots. The demo must have been built (npm --prefix web-demo run build).
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chromium } from 'playwright-core'
import { startServer, tempDir } from '../http/server.mjs'

const PATIENCE_MS = 60_000
const SITE = new URL('../../web-demo/dist', import.meta.url).pathname
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']

const shot = async (page, name) => {
  const dir = process.env.WEFT_SHOTS
  if (!dir) return
  mkdirSync(dir, { recursive: true })
  await page.screenshot({ path: join(dir, `${name}.png`) })
}

/** A browser of its own: no storage, no channel shared with the others. */
const openEditor = async (t, browser, url) => {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 } })
  t.after(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const errors = []
  page.on('pageerror', error => errors.push(error))
  await page.goto(url)
  await page.locator('.bn-editor').waitFor()
  return { page, errors, text: () => page.locator('.bn-editor').innerText() }
}

/** The text without the names that cursors carry. */
const content = page => page.evaluate(() => {
  const editor = document.querySelector('.bn-editor').cloneNode(true)
  for (const cursor of editor.querySelectorAll('.bn-collaboration-cursor__base')) cursor.remove()
  return editor.innerText.replace(/[\u2060\u200b]/g, '')
})

const until = (page, test, ...args) => page.waitForFunction(test, args, { timeout: PATIENCE_MS })

const untilHolds = async (editor, words) => {
  try {
    await until(editor.page, ([words]) => {
      const copy = document.querySelector('.bn-editor').cloneNode(true)
      for (const cursor of copy.querySelectorAll('.bn-collaboration-cursor__base')) cursor.remove()
      const text = copy.textContent.replace(/[\u2060\u200b]/g, '')
      return words.every(word => text.includes(word))
    }, words)
  } catch (error) {
    throw new Error(`waited in vain for ${words} in: ${await content(editor.page)}`, { cause: error })
  }
}

const untilConverged = async editors => {
  const deadline = Date.now() + PATIENCE_MS
  let texts
  do {
    texts = await Promise.all(editors.map(editor => content(editor.page)))
    if (texts.every(text => text === texts[0])) return texts[0]
    await new Promise(resolve => setTimeout(resolve, 50))
  } while (Date.now() < deadline)
  assert.fail(`the editors show different texts:\n${texts.join('\n----\n')}`)
}

/** Puts the cursor at the end of a block, and waits until the other one sees it there: then the editor itself knows of it. */
const placeCursor = async (editor, block, other) => {
  await editor.page.locator('.bn-editor .bn-inline-content').nth(block).click()
  await editor.page.keyboard.press('End')
  await until(other.page, ([block]) =>
    document.querySelectorAll('.bn-editor .bn-inline-content')[block]?.querySelector('.bn-collaboration-cursor__base'), block)
}

/** Types where the cursor is, key by key. */
const type = (editor, text) => editor.page.keyboard.type(text, { delay: 5 })

test('two browsers write together, through the death of the server', { timeout: 300_000 }, async t => {
  const dir = tempDir(t)
  let server = await startServer(t, { dir, args: ['--static', SITE] })
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags })
  t.after(() => browser.close())
  const url = `${server.url}/?doc=together`

  // Each has a block to write in: what two make of one empty block is the editor's business, not the server's.
  const ann = await openEditor(t, browser, url)
  await ann.page.locator('.bn-editor .bn-inline-content').first().click()
  await type(ann, 'Block of ann.')
  await ann.page.keyboard.press('Enter')
  await type(ann, 'Block of ben.')
  const ben = await openEditor(t, browser, url)
  await untilHolds(ben, ['Block of ann.', 'Block of ben.'])
  await placeCursor(ann, 0, ben)
  await placeCursor(ben, 1, ann)

  await t.test('both type at once, and converge', async () => {
    await Promise.all([type(ann, ' Alpha-one.'), type(ben, ' Beta-two.')])
    const words = ['Block of ann. Alpha-one.', 'Block of ben. Beta-two.']
    await Promise.all([ann, ben].map(editor => untilHolds(editor, words)))
    await untilConverged([ann, ben])
  })

  await t.test('each sees the other\'s cursor and name', async () => {
    for (const editor of [ann, ben]) {
      await until(editor.page, () => document.querySelector('.bn-editor .bn-collaboration-cursor__label')?.textContent.trim())
    }
    await shot(ann.page, 'together')
  })

  await t.test('the server is killed in mid-typing: both carry on', async () => {
    const typing = [type(ann, ' While it dies, ann writes on.'), type(ben, ' And so does ben.')]
    await server.stop('SIGKILL')
    await Promise.all(typing)
    await type(ann, ' Offline-ann.')
    await type(ben, ' Offline-ben.')
    await shot(ben.page, 'offline')
    server = await startServer(t, { dir, args: ['--static', SITE, '--listen', `127.0.0.1:${server.port}`] })
    const words = ['While it dies, ann writes on. Offline-ann.', 'And so does ben. Offline-ben.']
    await Promise.all([ann, ben].map(editor => untilHolds(editor, words)))
    await untilConverged([ann, ben])
  })

  await t.test('a newcomer sees all of it', async () => {
    const eve = await openEditor(t, browser, url)
    await untilHolds(eve, ['Block of ann.', 'Offline-ann.', 'Offline-ben.'])
    const text = await untilConverged([ann, ben, eve])
    assert.equal([...text.matchAll(/Offline-ann\./g)].length, 1)
    await shot(eve.page, 'newcomer')
  })

  assert.deepEqual([...ann.errors, ...ben.errors], [])
})
