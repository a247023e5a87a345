#!/usr/bin/env bash
# inspector.sh: promises that the command line of MCP's Inspector can use Ringfence, over HTTP and over stdio, in the
# revisions before 2026-07-28 (legacy) and from then on (modern). Needs `mcp-inspector` and its Node in the path, and
# $RINGFENCE_URL, $RINGFENCE_TOKEN, and for stdio $RINGFENCE and $RINGFENCE_HOME.
set -euo pipefail
text='{"text": "Good fences make good neighbours. Mend them."}'
http=("$RINGFENCE_URL/mcp" --transport http --header "Authorization: Bearer $RINGFENCE_TOKEN")
stdio=("$RINGFENCE" mcp --store "$RINGFENCE_HOME")
inspect() { mcp-inspector --cli "$@" --format json --quiet; }
# expect WHAT IS WANTED
expect() { [ "$2" = "$3" ] || { printf 'inspector.sh: %s: %s instead of %s\n' "$1" "$2" "$3" >&2; exit 1; }; }

# use NAME TARGET...
use() {
  local name=$1 list result
  shift
  list=$(inspect "$@" --method tools/list)
  expect "$name: tools" "$(jq '[.result.tools[].name] | index("text-stats_analyze") != null' <<< "$list")" true
  result=$(inspect "$@" --method tools/call --tool-name text-stats_analyze --tool-args-json "$text")
  expect "$name: words" "$(jq .result.structuredContent.words <<< "$result")" 7
}

for era in legacy modern; do
  use "http, $era" "${http[@]}" --protocol-era "$era"
  use "stdio, $era" "${stdio[@]}" --protocol-era "$era"
done

# A result that is an error has an exit code of its own.
code=0
inspect "${http[@]}" --protocol-era modern --method tools/call --tool-name text-stats_analyze \
  --tool-args-json '{"text": 7}' > /dev/null 2>&1 || code=$?
expect "exit code" "$code" 5

# The SKILL.md of the skill `test`, against the digest that the server gives for it.
skills=$(inspect "${http[@]}" --protocol-era modern --method skills/list --verify --require-digests)
expect "skills" "$(grep -c '"skill://test/SKILL.md"' <<< "$skills")" 1
