// Two people write in one document, in two browsers, through everything that happens to their server.
import assert from 'node:assert/strict'
import test, { before } from 'node:test'
import { assertHas, buildDemo, converged, twoPeople, type, Window, words } from './demo.mjs'

before(buildDemo)

test('both write at once, and see each other', async (t) => {
  const { ada, ben } = await twoPeople(t)
  assert.deepEqual(await converged(ada, ben), ['two people', ''], 'begun once, though both opened it new')
  await ben.beginBlockAfter(0, 'Ben', ada)
  await ada.placeCaret(2, 'Ada', ben)
  await Promise.all([type(ada, words('a', 1, 40)), type(ben, words('b', 1, 40))])
  await Promise.all([ada.allSent(), ben.allSent()])
  const blocks = await converged(ada, ben)
  assertHas(blocks, words('a', 1, 40))
  assertHas(blocks, words('b', 1, 40))
  await Promise.all([ada.seesCaretOf('Ben'), ben.seesCaretOf('Ada')])
  await ben.callMyself('Benedict')
  await ben.page.locator('.bn-editor .bn-inline-content').first().click()
  await ada.seesCaretOf('Benedict')
  await ada.shot('together')
})

test('the server is killed while both write; both go on, and nothing is lost', async (t) => {
  const { server, browser, address, ada, ben } = await twoPeople(t)
  await ben.beginBlockAfter(0, 'Ben', ada)
  await ada.placeCaret(2, 'Ada', ben)
  await Promise.all([type(ada, words('a', 1, 10)), type(ben, words('b', 1, 10))])
  await Promise.all([ada.allSent(), ben.allSent()])
  const acknowledged = await converged(ada, ben)

  const typing = Promise.all([type(ada, words('a', 11, 60)), type(ben, words('b', 11, 60))])
  await Promise.all([ada.sees('b20.'), ben.sees('a20.')])
  await server.kill()
  await Promise.all([ada.connection('disconnected'), ben.connection('disconnected')])
  await typing
  await ada.until('unsent edits counted', () => Number(document.querySelector('[data-testid=status]').dataset.unsent) > 0)
  await ada.shot('offline')
  await Promise.all([type(ada, words('a', 61, 70)), type(ben, words('b', 61, 70))])

  await server.start()
  await Promise.all([ada.allSent(), ben.allSent()])
  const blocks = await converged(ada, ben)
  for (const block of acknowledged) assert.ok(blocks.some((now) => now.startsWith(block.trimEnd())), `acknowledged: ${block}`)
  assertHas(blocks, words('a', 1, 70))
  assertHas(blocks, words('b', 1, 70))
  await Promise.all([ada.seesCaretOf('Ben'), ben.seesCaretOf('Ada')])

  const third = await Window.open(browser, address)
  assert.deepEqual(await converged(third, ada), blocks)
  await third.shot('third')
})

test('what is written just before the window closes is there afterwards', async (t) => {
  const { browser, address, ada, ben } = await twoPeople(t)
  await ada.placeCaret(1, 'Ada', ben)
  await ada.page.keyboard.insertText('last words')
  await ada.page.close({ runBeforeUnload: false })
  const later = await Window.open(browser, address)
  await later.sees('last words')
})

test('a document that is deleted says so, and can be begun anew', async (t) => {
  const { server, ada, ben } = await twoPeople(t)
  await ada.placeCaret(1, 'Ada', ben)
  await type(ada, words('a', 1, 3))
  await Promise.all([ada.allSent(), ben.sees('a3.')])
  const response = await fetch(`${server.url}/docs/two%20people`, { method: 'DELETE' })
  assert.equal(response.status, 204)
  await Promise.all([ada, ben].map((window) => window.page.getByText('This document was deleted.').waitFor()))
  await ada.shot('deleted')
  await ada.page.getByRole('button', { name: 'Begin anew' }).click()
  await ada.until('the new document', () => document.querySelector('[data-ready=true] .bn-editor')?.textContent === 'two people')
  await ben.page.getByRole('button', { name: 'Begin anew' }).click()
  await ben.until('the new document', () => document.querySelector('[data-ready=true] .bn-editor')?.textContent === 'two people')
  await Promise.all([ada.allSent(), ben.allSent()])
  await ben.placeCaret(1, 'Ben', ada)
  await type(ben, ['again.'])
  await ada.sees('again.')
})

test('documents are found, opened and made by name, and the way back works', async (t) => {
  const { ada } = await twoPeople(t)
  await ada.page.locator('.documents .popover-button').click()
  await ada.page.getByLabel('Name of a document').fill('notes/é 1')
  await ada.page.keyboard.press('Enter')
  await ada.sees('notes/é 1')
  await ada.allSent()
  await ada.page.locator('.documents .popover-button').click()
  await ada.page.getByRole('link', { name: 'two people' }).waitFor()
  await ada.shot('documents')
  await ada.page.goBack()
  await ada.sees('two people')
})
