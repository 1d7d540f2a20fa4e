#!/bin/sh
# A worker of a queue: takes one message, works, acknowledges. Usage: worker.sh URL TOPIC GROUP
set -eu
url=$1 topic=$2 group=$3
settle='{}'
while :; do
    answer=$(curl -sS --fail-with-body -X POST "$url/q/v1/topics/$topic/groups/$group:receive" \
        -H 'Content-Type: application/json' -d "{\"wait_ms\": 1000, \"settle\": $settle}")
    settle='{}'
    # 204 has no body; an answer that only tells of the last message has no messages.
    [ -n "$answer" ] && [ "$(printf %s "$answer" | jq '.messages | length')" -gt 0 ] || break
    value=$(printf %s "$answer" | jq -r '.messages[0].value')
    lease=$(printf %s "$answer" | jq -r '.messages[0].lease')
    if [ "$value" = poison ]; then
        curl -sS --fail-with-body -X POST "$url/q/v1/leases/$lease:reject" -d '{"reason": "poison"}' >/dev/null
        continue
    fi
    # The work takes long: keep the message. The old lease ends, a new one is given.
    lease=$(curl -sS --fail-with-body -X POST "$url/q/v1/leases/$lease:extend" -d '{"lease_ms": 60000}' | jq -r .new_lease)
    echo "$value"
    settle="{\"ack\": [\"$lease\"]}"
done
