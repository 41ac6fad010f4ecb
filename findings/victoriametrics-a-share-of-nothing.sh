#!/bin/sh
# VictoriaMetrics v1.151.0 (module github.com/VictoriaMetrics/VictoriaMetrics) beside the engine of Prometheus 3.15
# (module github.com/prometheus/prometheus v0.315.0): the same samples, the same queries, at the same time.
#
# Expected: what answers PromQL gives the same numbers, but for how it extrapolates a rate.
# Found: whether there is an answer at all differs, and with it what "or" puts in its place.
#  - 0/0 is NaN to Prometheus, so "or vector(7)" is never looked at. VictoriaMetrics leaves the series out, so
#    the same query gives 7: a dashboard or a canary that fills missing data in sees data on one of them alone.
#  - avg(…) over shares of which one is 0/0 is NaN on Prometheus, and the mean of the others on VictoriaMetrics.
#  - a rate over a window with one sample in it has no value on Prometheus; VictoriaMetrics widens the window
#    and gives one, so a window that is too short is not seen there.
#  - a counter that is born at 80 and goes on by 10 has increased by 110 to VictoriaMetrics, which takes the first
#    value for an increment, and by 30 and what is extrapolated to Prometheus. Born at 80 and going on by 1 it is 3.
#
# Output seen on 2026-11-29:
#   sum(zero/zero) or vector(7)         Prometheus NaN                VictoriaMetrics 7
#   avg(errors/requests)                Prometheus NaN                VictoriaMetrics 0.5
#   rate(one[10s])                      Prometheus nothing            VictoriaMetrics 0.0667
#   increase(born_fast[5m])             Prometheus 35                 VictoriaMetrics 110
#   increase(born_slow[5m])             Prometheus 3.5                VictoriaMetrics 3
set -eu
dir=$(mktemp -d)
server=
trap 'test -z "$server" || { kill "$server"; wait "$server" || true; }; rm -rf "$dir"' EXIT
mkdir "$dir/victoria" "$dir/prometheus"
cd "$dir/victoria"
cat > go.mod <<'MOD'
module finding

go 1.26.6

tool github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics

require github.com/VictoriaMetrics/VictoriaMetrics v1.151.0
MOD
go mod tidy 2>/dev/null
CGO_ENABLED=0 go build -o victoria-metrics github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics

cd "$dir/prometheus"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require github.com/prometheus/prometheus v0.315.0
MOD
cat > main.go <<'GO'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
)

// samples are taken every 15 seconds.
var samples = []struct {
	name, path string
	values     []float64
}{
	{"zero", "", []float64{0, 0, 0, 0}},
	{"one", "", []float64{1, 2, 3, 4}},
	{"errors", "a", []float64{0, 0, 0, 0}}, {"requests", "a", []float64{0, 0, 0, 0}},
	{"errors", "b", []float64{1, 1, 1, 1}}, {"requests", "b", []float64{2, 2, 2, 2}},
	{"born_fast", "", []float64{80, 90, 100, 110}},
	{"born_slow", "", []float64{80, 81, 82, 83}},
}

var expected = []struct{ query, prometheus, victoria string }{
	{"sum(zero/zero) or vector(7)", "NaN", "7"},
	{"avg(errors/requests)", "NaN", "0.5"},
	{"rate(one[10s])", "nothing", "0.0667"},
	{"increase(born_fast[5m])", "35", "110"},
	{"increase(born_slow[5m])", "3.5", "3"},
}

func main() {
	address := os.Args[1]
	begin := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	at := begin.Add(45 * time.Second)
	o := tsdb.DefaultHeadOptions()
	o.ChunkDirRoot = "."
	head, err := tsdb.NewHead(nil, nil, nil, nil, o, nil)
	check(err)
	app := head.Appender(context.Background())
	var lines strings.Builder
	for _, s := range samples {
		for i, v := range s.values {
			t := begin.Add(time.Duration(i) * 15 * time.Second).UnixMilli()
			_, err := app.Append(0, labels.FromStrings("__name__", s.name, "path", s.path), t, v)
			check(err)
			fmt.Fprintf(&lines, "%s{path=%q} %g %d\n", s.name, s.path, v, t)
		}
	}
	check(app.Commit())
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if _, err := http.Get(address + "/health"); err == nil {
			break
		} else if time.Now().After(deadline) {
			check(err)
		}
	}
	_, err = http.Post(address+"/api/v1/import/prometheus", "text/plain", strings.NewReader(lines.String()))
	check(err)
	_, err = http.Get(address + "/internal/force_flush")
	check(err)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	changed := false
	for _, e := range expected {
		q, err := engine.NewInstantQuery(context.Background(), &queryable{head}, nil, e.query, at)
		check(err)
		byPrometheus := "nothing"
		if v, err := q.Exec(context.Background()).Vector(); err != nil {
			check(err)
		} else if len(v) > 0 {
			byPrometheus = short(v[0].F)
		}
		byVictoria := ask(address, e.query, at)
		fmt.Printf("%-35s Prometheus %-18s VictoriaMetrics %s\n", e.query, byPrometheus, byVictoria)
		changed = changed || byPrometheus != e.prometheus || byVictoria != e.victoria
	}
	if changed {
		fmt.Fprintln(os.Stderr, "this is not what was seen before")
		os.Exit(1)
	}
}

func ask(address, query string, at time.Time) string {
	r, err := http.Get(address + "/api/v1/query?" + url.Values{"query": {query}, "time": {strconv.FormatInt(at.Unix(), 10)}}.Encode())
	check(err)
	body, err := io.ReadAll(r.Body)
	check(err)
	var answer struct {
		Data struct {
			Result []struct{ Value []any }
		}
	}
	check(json.Unmarshal(body, &answer))
	if len(answer.Data.Result) == 0 {
		return "nothing"
	}
	v, err := strconv.ParseFloat(answer.Data.Result[0].Value[1].(string), 64)
	check(err)
	return short(v)
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
GO
cat > queryable.go <<'GO'
package main

import (
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

type queryable struct{ head *tsdb.Head }

func (q *queryable) Querier(from, to int64) (storage.Querier, error) {
	return tsdb.NewBlockQuerier(tsdb.NewRangeHead(q.head, from, to), from, to)
}
GO
go mod tidy 2>/dev/null
go build -o ask .
port=$((20000 + $$ % 20000))
"$dir/victoria/victoria-metrics" -storageDataPath="$dir/data" -httpListenAddr="127.0.0.1:$port" -loggerLevel=ERROR &
server=$!
./ask "http://127.0.0.1:$port"
