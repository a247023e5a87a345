#!/usr/bin/env bash
# curl.sh COMPONENT: promises that curl and jq are client enough: list, call, stream, be refused, submit. Needs a server
# at $RINGFENCE_URL that has text-stats, and in $RINGFENCE_TOKEN a token with the scopes call and submit.
set -euo pipefail
component=${1:?usage: curl.sh COMPONENT}
api() {
  local path=$1
  shift
  curl --silent --show-error --header "Authorization: Bearer $RINGFENCE_TOKEN" "$@" "$RINGFENCE_URL/v1$path"
}
# expect WHAT IS WANTED
expect() { [ "$2" = "$3" ] || { printf 'curl.sh: %s: %s instead of %s\n' "$1" "$2" "$3" >&2; exit 1; }; }
json=(--header "Content-Type: application/json")
text='{"text": "Good fences make good neighbours. Mend them."}'

# What is there? The list comes in pages; `next` in an answer is the `cursor` of the next request.
list=$(api /skills)
expect "list" "$(jq -r '.skills[] | select(.name == "text-stats") | .state' <<< "$list")" ready

# A call: the body is the arguments, the answer the report of the run.
report=$(api /skills/text-stats/tools/analyze --fail "${json[@]}" --data "$text")
expect "outcome" "$(jq -r .outcome <<< "$report")" completed
expect "value" "$(jq -c '.value | [.words, ."unique-words", .sentences, ."top-terms"[0]]' <<< "$report")" \
  '[7,6,2,{"term":"good","count":2}]'

# The same, told as it goes on: events until `report`, the last one.
events=$(api /skills/text-stats/tools/analyze --no-buffer "${json[@]}" --header "Accept: text/event-stream" --data "$text")
expect "event" "$(sed -n 's/^event: //p' <<< "$events" | tail -n 1)" report
expect "its value" "$(sed -n 's/^data: //p' <<< "$events" | tail -n 1 | jq .value.words)" 7

# Lower limits for one call: the run ends, and that is a report as well.
report=$(api /skills/text-stats/tools/analyze --fail "${json[@]}" --header "Ringfence-Limits: fuel=100" --data "$text")
expect "outcome" "$(jq -r .outcome <<< "$report")" out-of-fuel

# What is no run is a problem document (RFC 9457).
problem=$(api /skills/text-stats/tools/analyze "${json[@]}" --data '{"text": 7}' --write-out '\n%{http_code} %{content_type}')
expect "status" "$(tail -n 1 <<< "$problem")" "422 application/problem+json"
expect "problem" "$(head -n 1 <<< "$problem" | jq -c '[.status, .code, .pointer]')" '[422,"input-mismatch","/text"]'

# A component under a name of its own; `Prefer` waits until it is on the disk. Then it can be called.
status=$(api "/skills/counted?version=1.0.0" --upload-file "$component" --header "Content-Type: application/wasm" \
  --header "Prefer: wait=30" --write-out '\n%{http_code}')
expect "status" "$(tail -n 1 <<< "$status")" 201
expect "state" "$(head -n 1 <<< "$status" | jq -r .state)" done
report=$(api /skills/counted@1.0.0/tools/analyze --fail "${json[@]}" --data '{"text": "One two three."}')
expect "words" "$(jq .value.words <<< "$report")" 3
