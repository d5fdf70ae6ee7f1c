// Two people write, and look at what they wrote: the past of a document, to the keystroke.
import assert from 'node:assert/strict'
import test, { before } from 'node:test'
import { browserForTest, buildDemo, converged, Server, Window } from './demo.mjs'

before(buildDemo)

const NAME = 'two%20people'

/** Two windows on one document, in which both have written; `moments`: what it read at some events. */
async function written(t) {
  const server = await Server.forTest(t)
  const browser = await browserForTest(t)
  const address = `${server.url}/?doc=${NAME}`
  const [ada, ben] = await Promise.all([Window.open(browser, address), Window.open(browser, address)])
  await ada.callMyself('Ada')
  await ben.callMyself('Ben')
  t.after(() => assert.deepEqual([...ada.problems, ...ben.problems], [], 'errors on the pages'))
  const moments = []
  const note = async () => {
    await Promise.all([ada.allSent(), ben.allSent()])
    const blocks = await converged(ada, ben)
    const { head } = await (await fetch(`${server.url}/docs/${NAME}`)).json()
    moments.push({ id: head, blocks })
  }
  await ada.placeCaret(1, 'Ada', ben)
  await ada.page.keyboard.type('first thoughts')
  await ben.sees('first thoughts')
  await note()
  await ben.beginBlockAfter(1, 'Ben', ada)
  await ben.page.keyboard.type('second thoughts')
  await ada.sees('second thoughts')
  await note()
  await ben.page.keyboard.press('Control+A')
  await ben.page.keyboard.type('all is changed')
  await ada.sees('all is changed')
  await note()
  return { server, browser, address, ada, ben, moments }
}

async function openHistory(window) {
  await window.page.getByRole('button', { name: 'History' }).click()
  await window.page.locator('[data-testid=moment]').waitFor()
}

async function events(server) {
  const response = await fetch(`${server.url}/docs/${NAME}/history?updates=false&limit=1000`)
  return (await response.json()).events
}

async function slideTo(window, server, id) {
  const place = (await events(server)).findIndex((event) => event.id === id)
  await window.page.getByTestId('slider').fill(String(place))
}

test('the slider shows the document as it was, and whose edit that is', async (t) => {
  const { server, ada, moments } = await written(t)
  await openHistory(ada)
  const [first, second, last] = moments
  assert.deepEqual(await ada.blocksOf(last.id), last.blocks, 'begins with the present')
  for (const moment of [first, last, second, first, second]) {
    await slideTo(ada, server, moment.id)
    assert.deepEqual(await ada.blocksOf(moment.id), moment.blocks)
    assert.equal(new URL(ada.page.url()).searchParams.get('at'), moment.id)
  }
  const line = ada.page.getByTestId('moment')
  assert.match(await line.innerText(), /Ben/)
  await ada.shot('history')
  await ada.page.setViewportSize({ width: 390, height: 780 })
  await ada.page.getByRole('button', { name: 'Sessions' }).click()
  await ada.shot('history-narrow-sessions')
  await ada.page.getByRole('button', { name: `${(await events(server)).length} edits` }).click()
  assert.deepEqual(await ada.blocksOf(last.id), last.blocks, 'a session leads to its end')
  await ada.shot('history-narrow')
})

test('it is played event by event, without a request for each', async (t) => {
  const { server, ada, moments } = await written(t)
  await openHistory(ada)
  await ada.blocksOf(moments.at(-1).id)
  const list = await events(server)
  const requests = []
  ada.page.on('request', (request) => requests.push(new URL(request.url()).pathname.split('/').at(-1)))
  await ada.page.evaluate(() => {
    globalThis.places = []
    const line = document.querySelector('[data-testid=moment]')
    new MutationObserver(() => globalThis.places.push(line.dataset.place)).observe(line, { attributeFilter: ['data-place'] })
  })
  await ada.page.getByLabel('Speed').selectOption('4')
  await ada.page.getByRole('button', { name: 'Play' }).click()
  await ada.until('the first event', () => globalThis.places.includes('0'))
  await ada.page.getByRole('button', { name: 'Pause' }).waitFor()
  await ada.shot('history-playing')
  assert.deepEqual(await ada.blocksOf(moments.at(-1).id), moments.at(-1).blocks)
  const places = (await ada.page.evaluate(() => globalThis.places)).map(Number)
  assert.deepEqual(places, places.slice().sort((a, b) => a - b), 'never backwards')
  assert.ok(new Set(places).size > list.length / 2, `${new Set(places).size} of ${list.length} moments were shown`)
  assert.ok(requests.length <= 3, `requests: ${requests}`)
})

test('with the keyboard alone', async (t) => {
  const { server, ada, moments } = await written(t)
  const list = await events(server)
  await openHistory(ada)
  await ada.blocksOf(moments.at(-1).id)
  await ada.page.keyboard.press('Home')
  assert.deepEqual(await ada.blocksOf(list[0].id), ['two people', ''])
  for (let i = 0; i < 5; i++) await ada.page.keyboard.press('ArrowRight')
  await ada.blocksOf(list[5].id)
  await ada.page.keyboard.press('Space')
  await ada.page.getByRole('button', { name: 'Pause' }).waitFor()
  await ada.page.keyboard.press('Space')
  await ada.page.getByRole('button', { name: 'Play' }).waitFor()
  await ada.page.locator('.documents .popover-button').press('Enter')
  await ada.page.getByLabel('Name of a document').press('Escape')
  assert.ok(await ada.page.getByTestId('slider').isVisible(), 'only the panel above the history is closed')
  await ada.page.keyboard.press('Escape')
  await ada.page.getByTestId('editor').waitFor()
  assert.equal(await ada.page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'History')
})

test('the present goes on meanwhile', async (t) => {
  const { server, ada, ben, moments } = await written(t)
  await openHistory(ada)
  await slideTo(ada, server, moments[0].id)
  await ada.blocksOf(moments[0].id)
  await ben.page.keyboard.type(', and on')
  await ben.allSent()
  const count = (await events(server)).length
  await ada.until('the new events in the list', (count) => document.querySelector('[data-testid=slider]').max === String(count - 1), count)
  assert.deepEqual(await ada.blocksOf(moments[0].id), moments[0].blocks, 'the past has not moved')
  await ada.page.getByRole('button', { name: 'Back to the document' }).click()
  await ada.page.getByTestId('editor').getByText(', and on').waitFor()
  assert.equal(new URL(ada.page.url()).searchParams.get('at'), null)
  await ada.page.goBack()
  assert.deepEqual(await ada.blocksOf(moments[0].id), moments[0].blocks, 'the way back leads to the moment')
})

test('a link opens a moment', async (t) => {
  const { browser, address, ada, server, moments } = await written(t)
  await ada.page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await openHistory(ada)
  await slideTo(ada, server, moments[1].id)
  await ada.blocksOf(moments[1].id)
  await ada.page.getByRole('button', { name: 'Copy link' }).click()
  await ada.page.getByRole('button', { name: 'Copied' }).waitFor()
  const link = await ada.page.evaluate(() => navigator.clipboard.readText())
  assert.deepEqual(new URL(link), new URL(`${address}&at=${moments[1].id}`.replace('%20', '+')))
  const reader = await Window.open(browser, link)
  assert.deepEqual(await reader.blocksOf(moments[1].id), moments[1].blocks)
  assert.deepEqual(reader.problems, [])
})

test('a version is restored for everybody, and that is taken back', async (t) => {
  const { ada, ben, server, moments } = await written(t)
  const present = moments.at(-1).blocks
  await openHistory(ada)
  await slideTo(ada, server, moments[1].id)
  await ada.blocksOf(moments[1].id)
  await ada.page.getByRole('button', { name: 'Restore this version' }).click()
  await ada.shot('history-asks')
  await ada.page.getByRole('button', { name: 'Cancel' }).click()
  assert.deepEqual(await ben.blocks(), present)
  await ada.page.getByRole('button', { name: 'Restore this version' }).click()
  await ada.page.getByRole('button', { name: 'Restore', exact: true }).click()
  await Promise.all([ada, ben].map((window) => window.sees('second thoughts')))
  assert.deepEqual(await converged(ada, ben), moments[1].blocks)
  await ada.page.getByTestId('restored').waitFor()
  await ada.shot('history-restored')
  await ben.placeCaret(2, 'Ben', ada)
  await ada.page.getByRole('button', { name: 'Undo' }).click()
  await Promise.all([ada, ben].map((window) => window.sees('all is changed')))
  assert.deepEqual(await converged(ada, ben), present)
  await ben.page.keyboard.type('!')
  await ada.sees('!')
  assert.deepEqual(await converged(ada, ben), await ben.blocks(), 'both write on')
})

test('what was written after a restored version is not undone unseen', async (t) => {
  const { ada, ben, server, moments } = await written(t)
  await openHistory(ada)
  await slideTo(ada, server, moments[1].id)
  await ada.blocksOf(moments[1].id)
  await ada.page.getByRole('button', { name: 'Restore this version' }).click()
  await ada.page.getByRole('button', { name: 'Restore', exact: true }).click()
  await ben.sees('second thoughts')
  await ben.placeCaret(2, 'Ben', ada)
  await ben.page.keyboard.type(' and third ones')
  await ada.sees('third ones')
  await ada.page.getByRole('button', { name: 'Undo' }).click()
  assert.deepEqual(await ada.blocksOf(moments.at(-1).id), moments.at(-1).blocks, 'the version before is shown')
  await ben.sees('third ones')
})

test('what cannot be shown is told in words', async (t) => {
  const { server, browser, address, ada, moments } = await written(t)
  const [seq] = moments[0].id.split('.')
  for (const [at, words] of [[`${seq}.00000000`, 'not kept any more'], [moments[0].id.replace(/^\d+/, '9999'), 'no such version'], ['nonsense', 'no such version']]) {
    const lost = await Window.open(browser, `${address}&at=${at}`)
    await lost.page.getByRole('alert').getByText(words).waitFor()
    if (words === 'not kept any more') await lost.shot('history-gone')
    await lost.page.getByRole('button', { name: 'Show the document as it is now' }).click()
    await lost.page.getByTestId('editor').waitFor()
    await lost.page.context().close()
  }
  await openHistory(ada)
  await ada.blocksOf(moments.at(-1).id)
  await server.kill()
  await ada.page.keyboard.press('Home')
  await ada.page.getByRole('alert').getByText('cannot be reached').waitFor()
  await ada.shot('history-unreachable')
  await server.start()
  await ada.page.getByRole('button', { name: 'Try again' }).click()
  const [first] = await events(server)
  await ada.blocksOf(first.id)
  await fetch(`${server.url}/docs/${NAME}`, { method: 'DELETE' })
  await ada.page.getByText('This document was deleted.').waitFor()
})
