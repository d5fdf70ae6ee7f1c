// The engine beside Yjs, over one update per keystroke: node tests/bench/engine/bench.mjs [--runs N] [--build DIR]
// Both on one core, CPU time, medians. Needs build/release (or DIR) with bench_engine, and the packages of tests/.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))
const { values } = parseArgs({ options: { runs: { type: 'string', default: '7' }, build: { type: 'string', default: `${root}build/release` } } })
const program = `${values.build}/tests/bench/engine/bench_engine`
if (!fs.existsSync(program)) {
  console.error(`no ${program}: cmake --preset release && cmake --build --preset release --target bench_engine`)
  process.exit(2)
}

const folder = `${values.build}/bench`
fs.mkdirSync(folder, { recursive: true })
const file = `${folder}/${process.env.WEFT_TRACES ? 'automerge-paper' : 'typist'}.updates`
const about = `${file}.json`
if (!fs.existsSync(about)) {
  console.error('making the updates, once')
  fs.writeFileSync(about, execFileSync(process.execPath, [`${here}trace.mjs`, file], { maxBuffer: 1 << 28 }))
}
const { name, updates, text } = JSON.parse(fs.readFileSync(about, 'utf8'))

const onOneCore = (command, ...args) => JSON.parse(execFileSync('taskset', ['-c', '0', command, ...args], { maxBuffer: 1 << 24 }))
const weft = onOneCore(program, file, values.runs)
const yjs = onOneCore(process.execPath, `${here}yjs.mjs`, file, values.runs)

const textBytes = Buffer.byteLength(text)
console.log(`${name}: ${updates} updates, ${textBytes} bytes of text in the end; medians of ${values.runs} runs, one core, CPU time`)
const row = (label, ...cells) => console.log(label.padEnd(28) + cells.map(cell => String(cell).padStart(14)).join(''))
row('', 'Yjs', 'weft', 'ratio')
const labels = { apply_ns: 'apply one by one', load_ns: 'load the state', encode_ns: 'encode the state', merge_ns: 'merge 10,000 updates', diff_ns: 'difference at half-way' }
const milliseconds = ns => `${(ns / 1e6).toFixed(2)} ms`
for (const [key, label] of Object.entries(labels)) row(label, milliseconds(yjs[key]), milliseconds(weft[key]), (yjs[key] / weft[key]).toFixed(1))
row('one update', `${(yjs.apply_ns / updates).toFixed(0)} ns`, `${(weft.apply_ns / updates).toFixed(0)} ns`)
row('structs', yjs.structs, weft.structs)
row('state, bytes', yjs.state_bytes, weft.state_bytes)
row('memory, bytes', '', weft.memory_bytes)
row('per struct, beyond text', '', ((weft.memory_bytes - textBytes) / weft.structs).toFixed(1))
