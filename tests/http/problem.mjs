// What an error answer must be (RFC 9457).
import assert from 'node:assert/strict'

/** Checks an answer of Server.request or Connection.answer to be the problem `code`. */
export const assertProblem = (answer, status, code) => {
  const body = answer.body.toString()
  assert.equal(answer.status, status, `${status} ${code} expected, came ${answer.status}: ${body}`)
  assert.match(answer.headers['content-type'], /^application\/problem\+json/)
  // Or a browser would keep a 410 for good, and a PUT bring nothing back.
  assert.equal(answer.headers['cache-control'], 'no-store')
  const problem = JSON.parse(body)
  for (const member of ['type', 'title', 'detail', 'code']) assert.equal(typeof problem[member], 'string', member)
  assert.equal(problem.status, status)
  assert.equal(problem.code, code)
  assert.match(problem.detail, /\w+ \w+/, 'the detail is a sentence')
}
