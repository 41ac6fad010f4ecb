#!/bin/sh
# VictoriaMetrics v1.151.0 (module github.com/VictoriaMetrics/VictoriaMetrics).
#
# Expected: queries of one time see the same samples. What the flag -search.latencyOffset (30s) leaves out, it leaves out of all.
# Found: it depends on the form of the query. A series has samples of every second up to now. Asked at one time, now,
#  - x is the value of half a minute ago, and beside it stands the time that was asked for: nothing in the answer says that it is old,
#  - timestamp(x) does say so: it is half a minute less than the time beside it,
#  - x[1m], of which Prometheus's API gives the samples themselves, has the newest ones too, of this second,
#  - x of a series that began 10 s ago is no series at all, and x[1m] of that has all of its samples.
# So a canary that is Ready since less than half a minute has no data for rate(…), and samples for whoever reads those.
#
# Output seen on 2026-11-30 (ages in seconds, of the time that was asked for):
#   x                         beside the value 0, the value is of 30
#   timestamp(x)              30
#   x[1m]                     the newest sample 0
#   young                     0 series
#   young[1m]                 11 samples
set -eu
dir=$(mktemp -d)
server=
trap 'test -z "$server" || { kill "$server"; wait "$server" || true; }; rm -rf "$dir"' EXIT
mkdir "$dir/victoria" "$dir/ask"
cd "$dir/victoria"
cat > go.mod <<'MOD'
module finding

go 1.26.6

tool github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics

require github.com/VictoriaMetrics/VictoriaMetrics v1.151.0
MOD
go mod tidy 2>/dev/null
CGO_ENABLED=0 go build -o victoria-metrics github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics

cd "$dir/ask"
cat > go.mod <<'MOD'
module finding

go 1.26.0
MOD
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// series is one of an answer.
type series struct {
	Value  []any
	Values [][]any
}

func main() {
	address := os.Args[1]
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if _, err := http.Get(address + "/health"); err == nil {
			break
		} else if time.Now().After(deadline) {
			check(err)
		}
	}
	now := time.Now().Truncate(time.Second)
	var lines strings.Builder
	for age := 120; age >= 0; age-- { // the value is the time of the sample
		at := now.Add(-time.Duration(age) * time.Second).Unix()
		fmt.Fprintf(&lines, "x %d %d000\n", at, at)
		if age <= 10 {
			fmt.Fprintf(&lines, "young %d %d000\n", at, at)
		}
	}
	_, err := http.Post(address+"/api/v1/import/prometheus", "text/plain", strings.NewReader(lines.String()))
	check(err)
	_, err = http.Get(address + "/internal/force_flush")
	check(err)

	x, stamp, range1 := ask(address, "x", now), ask(address, "timestamp(x)", now), ask(address, "x[1m]", now)
	young, range2 := ask(address, "young", now), ask(address, "young[1m]", now)
	beside, of := age(now, x[0].Value[0]), age(now, x[0].Value[1])
	newest := age(now, range1[0].Values[len(range1[0].Values)-1][0])
	fmt.Printf("%-25s beside the value %d, the value is of %d\n", "x", beside, of)
	fmt.Printf("%-25s %d\n", "timestamp(x)", age(now, stamp[0].Value[1]))
	fmt.Printf("%-25s the newest sample %d\n", "x[1m]", newest)
	fmt.Printf("%-25s %d series\n", "young", len(young))
	fmt.Printf("%-25s %d samples\n", "young[1m]", len(range2[0].Values))
	if beside > 2 || of < 28 || of > 33 || newest > 2 || len(young) != 0 || len(range2[0].Values) < 9 {
		fmt.Fprintln(os.Stderr, "this is not what was seen before")
		os.Exit(1)
	}
}

// age is how long before a time a number of seconds is.
func age(now time.Time, of any) int {
	seconds, err := strconv.ParseFloat(fmt.Sprintf("%v", number(of)), 64)
	check(err)
	return int(float64(now.Unix()) - seconds)
}

func number(of any) any {
	if f, ok := of.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return of
}

func ask(address, query string, at time.Time) []series {
	r, err := http.Get(address + "/api/v1/query?" + url.Values{"query": {query}, "time": {strconv.FormatInt(at.Unix(), 10)}}.Encode())
	check(err)
	body, err := io.ReadAll(r.Body)
	check(err)
	var answer struct{ Data struct{ Result []series } }
	check(json.Unmarshal(body, &answer))
	return answer.Data.Result
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
GO
port=$((20000 + $$ % 20000))
"$dir/victoria/victoria-metrics" -storageDataPath="$dir/data" -httpListenAddr="127.0.0.1:$port" > "$dir/log" 2>&1 &
server=$!
CGO_ENABLED=0 go run . "http://127.0.0.1:$port"
