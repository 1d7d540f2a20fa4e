// A Milena of one test: started by the binary, stopped with the test, broken on request.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export async function start(t) {
  const free = ['--kafka', '127.0.0.1:0', '--http', '127.0.0.1:0', '--registry', 'off', '--rest', 'off']
  const child = spawn(process.env.MILENA ?? 'milena', ['serve', '--ephemeral', '-o', 'json', ...free], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const [line] = await once(lines, 'line')
  const ready = JSON.parse(line)
  t.after(async () => {
    lines.close()
    if (child.kill()) await once(child, 'exit')
  })
  return {
    kafka: ready.kafka,
    http: `http://${ready.http}`,
    /** One call of /ephemeral/v1; an expectation that does not hold fails the test with its words. */
    async control(method, path) {
      const headers = { authorization: `Bearer ${ready.ephemeral.token}` }
      const answer = await fetch(`${ready.ephemeral.control}/${path}`, { method, headers })
      const body = await answer.json()
      if (!answer.ok) throw new Error(body.error)
      return body
    },
  }
}
