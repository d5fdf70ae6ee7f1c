// The engine beside its peers, in one run on one core:
//
//   node tests/bench/engine/bench.mjs [--scenes A,B] [--jobs A,B] [--engines A,B] [--quick] [--limit SECONDS] [--core N]
//
// Installs the peers (peers/package-lock.json) and makes the material once, in build/bench/engine; builds the release program; prints
// Markdown tables with CPU times after warm-up (medians) and how many times faster than Yjs that is, and the same of the first round.
// WEFT_TRACES names a folder with traces of josephg/editing-traces (traces.mjs); without it, something alike is made from a seed.
// A peer whose first round takes longer than the limit (60 s) is stopped; one that cannot even make the updates of its own format in
// four times that is `stopped` everywhere. Everything: about half an hour; --quick: five rounds of each.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { traceNames } from './traces.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))
const work = `${root}build/bench/engine`
const peers = `${work}/peers`
const program = `${root}build/release/tests/bench/engine/bench_engine`

const engines = {
  weft: 'weft',
  yjs: 'Yjs',
  ywasm: 'ywasm (yrs)',
  loro: 'Loro',
  automerge: 'Automerge',
  diamond: 'diamond-types',
  'json-joy': 'json-joy'
}
const packages = { yjs: 'yjs', ywasm: 'ywasm', loro: 'loro-crdt', automerge: '@automerge/automerge', diamond: 'diamond-types-node', 'json-joy': 'json-joy' }
const withOwnFormat = ['loro', 'automerge', 'diamond', 'json-joy']

const jobs = {
  apply: 'apply the updates one by one',
  apply_event: 'the same, each with its event',
  apply_shuffled: 'the same, out of order (windows of 64)',
  load: 'load the state',
  load_text: 'load the state and read the text',
  load_v2: 'load the state (v2)',
  encode: 'encode the state',
  encode_v2: 'encode the state (v2)',
  diff: 'difference to the half-way state vector',
  merge_10k: 'merge the first 10,000 updates',
  merge_all: 'merge all updates',
  replay: 'replay as local edits',
  replay_updates: 'the same, with every update'
}
const facts = {
  memory: 'in memory',
  size_v1: 'state, v1',
  size_v2: 'state, v2',
  size_own: 'state, own format',
  structs: 'structs'
}
const ofTraces = Object.keys(jobs).filter(job => job !== 'apply_shuffled')
const ofStates = ['load', 'load_text', 'load_v2', 'encode', 'encode_v2']
const scenes = {
  ...Object.fromEntries(traceNames.map(name => [name, ofTraces])),
  writers: Object.keys(jobs),
  'writers-192': ofStates,
  hundredfold: ofStates
}
const withoutProgram = ['writers-192', 'hundredfold']

const { values } = parseArgs({
  options: {
    scenes: { type: 'string', default: Object.keys(scenes).join() },
    jobs: { type: 'string', default: [...Object.keys(jobs), ...Object.keys(facts)].join() },
    engines: { type: 'string', default: Object.keys(engines).join() },
    quick: { type: 'boolean', default: false },
    limit: { type: 'string', default: '60' },
    core: { type: 'string', default: '1' }
  }
})
const chosen = (names, of) => {
  const list = names.split(',')
  const unknown = list.filter(name => !(name in of))
  if (unknown.length) throw new Error(`no ${unknown.join()}; there are: ${Object.keys(of).join()}`)
  return list
}
const LIMIT_MS = Number(values.limit) * 1000
const PREPARE_MS = 4 * LIMIT_MS // reading and loading, before the first round
const ROUNDS_MS = 4 * LIMIT_MS // all rounds
const MAKE_MS = 4 * LIMIT_MS

const say = text => process.stderr.write(text + '\n')

// ---- what is there before anything is measured ----

const install = (folder, from) => {
  fs.mkdirSync(folder, { recursive: true })
  const lock = fs.readFileSync(`${from}/package-lock.json`)
  const stamp = `${folder}/node_modules/.weft-lock`
  if (fs.existsSync(stamp) && lock.equals(fs.readFileSync(stamp))) return
  say(`npm ci in ${folder}`)
  if (folder !== from) for (const file of ['package.json', 'package-lock.json']) fs.copyFileSync(`${from}/${file}`, `${folder}/${file}`)
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  fs.writeFileSync(stamp, lock)
}

const build = () => {
  say('building the release program')
  execFileSync('cmake', ['--preset', 'release'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  execFileSync('cmake', ['--build', '--preset', 'release', '--target', 'bench_engine'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
}

// The folder of a scene, made anew when what makes it has changed.
const material = scene => {
  const folder = `${work}/data/${scene}${process.env.WEFT_TRACES ? '' : '-seeded'}`
  const makers = ['data.mjs', 'traces.mjs', 'writers.mjs', 'format.mjs', 'peers/package-lock.json']
  const stamp = createHash('sha256').update(makers.map(file => fs.readFileSync(here + file)).join()).digest('hex')
  if (!fs.existsSync(`${folder}/stamp`) || fs.readFileSync(`${folder}/stamp`, 'utf8') !== stamp) {
    say(`making ${folder}, once`)
    fs.rmSync(folder, { recursive: true, force: true })
    execFileSync('node', ['--max-old-space-size=8000', `${here}data.mjs`, scene, folder], { stdio: ['ignore', 'ignore', 'inherit'] })
    fs.writeFileSync(`${folder}/stamp`, stamp)
  }
  return { folder, about: JSON.parse(fs.readFileSync(`${folder}/about.json`, 'utf8')) }
}

// ---- one job of one engine ----

const commandOf = (engine, folder, job) => {
  const quick = values.quick ? ['--quick'] : []
  if (engine === 'weft') return [program, folder, job, ...quick]
  return [process.execPath, '--expose-gc', '--max-old-space-size=12000', `${here}worker.mjs`, engine, folder, job, peers, ...quick]
}

// What it printed: { ready, first, rounds, value, none }, with `late` when it was stopped, `failed` when it ended badly.
const run = (engine, folder, job, prepareMs) => new Promise(resolve => {
  const said = {}
  const child = spawn('taskset', ['-c', values.core, ...commandOf(engine, folder, job)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', data => { complaint += data })
  let timer
  const within = ms => {
    clearTimeout(timer)
    timer = setTimeout(() => { said.late = true; child.kill('SIGKILL') }, ms)
  }
  within(prepareMs)
  createInterface({ input: child.stdout }).on('line', line => {
    const [word, ...numbers] = line.split(' ')
    said[word] = word === 'rounds' ? numbers.map(Number) : numbers.length ? Number(numbers[0]) : true
    if (word === 'ready') within(LIMIT_MS)
    if (word === 'first') within(ROUNDS_MS)
  })
  child.on('close', (code, signal) => {
    clearTimeout(timer)
    if (code !== 0 && !said.late) {
      said.failed = true
      say(`${engine} fails at ${job} (${signal ?? code}): ${complaint.slice(0, 400)}`)
    }
    resolve(said)
  })
})

const median = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]

// { warm, first } in nanoseconds, { value }, or { remark }.
const measured = async (engine, folder, job) => {
  const said = await run(engine, folder, job, PREPARE_MS)
  if (said.none) return {}
  if (said.failed) return { remark: 'fails' }
  if (said.value !== undefined) return { value: said.value }
  if (said.rounds) return { first: said.first, warm: median(said.rounds), rounds: said.rounds }
  if (said.first !== undefined) return { first: said.first, warm: said.first, cold: true }
  return { remark: said.ready ? `> ${values.limit} s` : 'stopped' }
}

const makeOwn = async (engine, folder) => {
  if (fs.existsSync(`${folder}/state.${engine}`)) return true
  say(`  ${engine} makes updates of its own`)
  return Boolean((await run(engine, folder, 'make', MAKE_MS)).ready)
}

// ---- the tables ----

const time = ns => {
  const [unit, by] = ns >= 1e9 ? ['s', 1e9] : ns >= 1e6 ? ['ms', 1e6] : ['µs', 1e3]
  return `${(ns / by).toPrecision(3)} ${unit}`
}
const grouped = number => Math.round(number).toLocaleString('en')
const ratio = (theirs, ours) => (theirs / ours >= 10 ? (theirs / ours).toFixed(0) : (theirs / ours).toFixed(theirs / ours < 1 ? 2 : 1))

const cell = (results, engine, kind, print) => {
  const result = results[engine] ?? {}
  const yjs = results.yjs?.[kind]
  if (result[kind] === undefined) return result.remark ?? '-'
  const mark = kind === 'warm' && result.cold ? ' †' : ''
  return print(result[kind]) + mark + (yjs && engine !== 'yjs' ? ` (${ratio(yjs, result[kind])}×)` : '')
}

const table = (title, rows, names) => [
  `| ${title} | ${names.map(name => engines[name]).join(' | ')} |`,
  `|---|${names.map(() => '---:|').join('')}`,
  ...rows.map(([label, cells]) => `| ${label} | ${cells.join(' | ')} |`),
  ''
].join('\n')

const print = (scene, about, results, names) => {
  const updates = about.updates ? `${grouped(about.updates)} updates, ` : ''
  console.log(`### ${about.title}: ${updates}${grouped(about.text_bytes)} bytes of text\n`)
  const rowsOf = (labels, kind, form) => Object.keys(labels).filter(job => results[job]).map(job => [labels[job], names.map(name => cell(results[job], name, kind, form))])
  const timed = rowsOf(jobs, 'warm', time)
  if (timed.length) console.log(table('CPU time, warm', timed, names))
  if (timed.length) console.log(table('first round', rowsOf(jobs, 'first', time), names))
  const counted = rowsOf(facts, 'value', grouped)
  if (counted.length) console.log(table('bytes', counted, names))
}

const versions = names => names.filter(name => packages[name]).map(name => `${packages[name]} ${JSON.parse(fs.readFileSync(`${peers}/node_modules/${packages[name]}/package.json`, 'utf8')).version}`).join(', ')

// ---- all of it ----

const names = chosen(values.engines, engines)
const wanted = chosen(values.jobs, { ...jobs, ...facts })
const chosenScenes = chosen(values.scenes, scenes)
install(`${root}tests`, `${root}tests`)
install(peers, `${here}peers`)
build()
const commit = execFileSync('git', ['-C', root, 'describe', '--always', '--dirty'], { encoding: 'utf8' }).trim()
console.log(`${os.cpus()[0].model}, one core, node ${process.versions.node}; weft ${commit}; ${versions(names)}. Behind each figure: how many times Yjs takes; †: one round, without warm-up, for more would have taken too long.\n`)
const all = {}
for (const scene of chosenScenes) {
  const { folder, about } = material(scene)
  const able = []
  const stopped = []
  for (const name of names) {
    if (!withOwnFormat.includes(name)) able.push(name)
    else if (!withoutProgram.includes(scene)) (await makeOwn(name, folder) ? able : stopped).push(name)
  }
  const results = {}
  for (const job of [...scenes[scene], ...Object.keys(facts)].filter(job => wanted.includes(job))) {
    say(`  ${scene} ${job}`)
    results[job] = {}
    for (const name of able) results[job][name] = await measured(name, folder, job)
    if (job in jobs) for (const name of stopped) results[job][name] = { remark: 'stopped' }
    all[scene] = { about, results }
    fs.writeFileSync(`${work}/results.json`, JSON.stringify({ commit, scenes: all }, null, 1))
  }
  print(scene, about, results, names)
}
