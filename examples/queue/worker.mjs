// A worker of a queue: takes one message, works, acknowledges. Usage: node worker.mjs URL TOPIC GROUP

const [url, topic, group] = process.argv.slice(2);
const receiving = `/q/v1/topics/${encodeURIComponent(topic)}/groups/${encodeURIComponent(group)}:receive`;

/** The answer's JSON, or null when there is none. */
async function post(path, body) {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(40_000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${path}: ${text}`);
  return text ? JSON.parse(text) : null;
}

/** The next message, if one comes within a second. What became of the last one goes with the question. */
async function receive(settle) {
  const answer = await post(receiving, { wait_ms: 1000, settle });
  return answer?.messages[0];
}

let settle = {};
for (let message; (message = await receive(settle)); ) {
  if (message.value === 'poison') {
    settle = { reject: [{ lease: message.lease, reason: 'poison' }] };
    continue;
  }
  // The work takes long: the old lease ends, and a new one is given.
  const extended = await post(`/q/v1/leases/${message.lease}:extend`, { lease_ms: 60_000 });
  console.log(message.value);
  settle = { ack: [extended.new_lease] };
}
