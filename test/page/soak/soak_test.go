package soak

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"holdfast.dev/holdfast/test/page/browser"
)

var (
	long = flag.Duration("soak", 40*time.Second, "how long the page stays open")
	runs = flag.Int("soak.runs", 20, "how many runs it shows")
)

const mib = 1 << 20

// measures are what must not grow. The room is what a few samples move by in any case: memory comes in pages
// and spans.
var measures = []Measure{
	{"tab 1 heap", "MiB", Limit{0.05, 0.5}}, {"tab 1 nodes", "", Limit{0.05, 200}}, {"tab 1 listeners", "", Limit{0.05, 20}},
	{"tab 2 heap", "MiB", Limit{0.05, 0.5}}, {"tab 2 nodes", "", Limit{0.05, 200}}, {"tab 2 listeners", "", Limit{0.05, 20}},
	{"browser", "MiB", Limit{0.1, 16}}, {"server RSS", "MiB", Limit{0.1, 8}}, {"server Go heap", "MiB", Limit{0.1, 4}},
}

// visit is a soak under way: tab one keeps a run open, tab two opens and shuts others, and has tokens that
// expire.
type visit struct {
	*house
	b        *browser.Browser
	one, two *browser.Tab
	began    time.Time
	series   Series
	// turns is how often tab two has opened a run, lost how often a tab said that it is not connected, expired
	// how often one asked for a token because the one it had was good no longer.
	turns, lost, expired int
}

// TestThePageStaysAsLargeAsItIs: of runs that are measured all the time, with two tabs, connections that are
// lost, a server that is another process, and tokens that expire.
func TestThePageStaysAsLargeAsItIs(t *testing.T) {
	log.SetLogger(logr.Discard()) // the client's
	b, stop, err := browser.Start(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	v := &visit{house: openHouse(t), b: b, series: Series{Measures: measures}}
	v.user("one", "page-view", "page-decide")
	v.user("two", "page-view")
	e, err := newEvaluator(t.Context(), v.client, namespace, *runs)
	if err != nil {
		t.Fatal(err)
	}
	v.comeIn(e)
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() { written <- e.work(ctx) }()
	v.stay()
	cancel()
	if err := <-written; err != nil {
		t.Error(err)
	}
	v.judge()
}

const firstCard = `[data-key="` + namespace + `/app000-5phu7x2pnr"]`

// comeIn has both tabs see all runs, and the first remember as many rounds of one as a tab does.
func (v *visit) comeIn(e *evaluator) {
	v.t.Helper()
	v.one, v.two = v.b.Tab(v.t, 1280, 900), v.b.Tab(v.t, 1280, 900)
	for tab, name := range map[*browser.Tab]string{v.one: "one", v.two: "two"} {
		tab.Open("https://localhost:" + v.line.port)
		tab.Await("document.documentElement.dataset.ready === 'true'")
		v.signIn(tab, name)
		tab.Await(fmt.Sprintf("document.querySelectorAll('.card').length === %d", *runs))
		tab.Unrecorded()
	}
	v.one.Click(firstCard)
	v.one.AwaitText("#detail", "errors-compared")
	const values = `Number(/Values of (?:the newest \d+ of )?(\d+) round/.exec(document.querySelector("#detail .chart:nth-child(2)").textContent)[1])`
	for seen := 0; seen < remembered; {
		if err := e.measure(v.t.Context(), 0, kept-2); err != nil {
			v.t.Fatal(err)
		}
		before := seen
		v.one.Await(fmt.Sprintf("%s > %d", values, before))
		seen = browser.Eval[int](v.one, values)
	}
	v.t.Logf("both tabs see %d runs, and the first remembers %d rounds of one", *runs, remembered)
}

func (v *visit) signIn(tab *browser.Tab, name string) {
	v.t.Helper()
	good := 24 * time.Hour
	if name == "two" {
		good = 10 * time.Minute // the shortest there is
	}
	tab.Write("#token", v.token(name, good))
	tab.Click("#door button[type=submit]")
}

// stay has the page be open for so long, and until a token was good no longer. What happens meanwhile happens
// at these shares of it; lines are cut for a twentieth, and until that is seen.
func (v *visit) stay() {
	v.t.Helper()
	v.began = time.Now()
	events := []struct {
		at   float64
		what func()
	}{
		{0.10, v.restart},
		{0.35, v.cut}, {0.40, func() { v.line.setDown(false) }},
		{0.50, func() { v.takeBack("two") }},
		{0.80, v.cut}, {0.85, func() { v.line.setDown(false) }},
	}
	every := max(*long/60, 2*time.Second)
	v.t.Log(v.series.Head())
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for next := every; ; <-ticks.C {
		passed := time.Since(v.began)
		for len(events) > 0 && passed.Seconds() >= events[0].at*long.Seconds() {
			events[0].what()
			events = events[1:]
		}
		v.look()
		if passed >= next {
			next = passed + every
			v.turn()
			v.sample()
		}
		if passed > *long && len(events) == 0 && v.expired > 0 {
			return
		}
	}
}

// cut has nothing come through until the first tab says so.
func (v *visit) cut() {
	v.t.Helper()
	v.line.setDown(true)
	v.one.AwaitText("#link", notConnected)
	v.lost++
}

const notConnected = "Not connected; tried again in"

// look is what a person sees of both tabs who has just come back to them.
func (v *visit) look() {
	v.t.Helper()
	for _, tab := range []*browser.Tab{v.one, v.two} {
		if strings.HasPrefix(tab.Text("#link"), notConnected) {
			v.lost++
		}
	}
	if says := v.two.Text("#doorError"); says != "" {
		if !strings.Contains(says, "or has expired") {
			v.t.Errorf("tab two asks for a token, and says %q", says)
		}
		v.expired++
		v.signIn(v.two, "two")
		v.two.Await("!document.querySelector('#room').hidden")
	}
	if says := v.one.Text("#doorError"); says != "" {
		v.t.Errorf("tab one asks for a token, and says %q", says)
	}
}

// turn has tab two go to another run, or back to all of them.
func (v *visit) turn() {
	v.t.Helper()
	if !browser.Eval[bool](v.two, "document.querySelector('#link').dataset.state === 'live'") {
		return
	}
	where := "#/"
	if v.turns%2 == 0 {
		where = fmt.Sprintf("#/%s/app%03d-5phu7x2pnr", namespace, 1+v.turns%(*runs-1))
	}
	browser.Eval[bool](v.two, fmt.Sprintf("(location.hash = %q, true)", where))
	v.turns++
}

func (v *visit) sample() {
	v.t.Helper()
	if !browser.Eval[bool](v.two, "document.querySelector('#link').dataset.state === 'live'") {
		return // it has let all go, and is no measure
	}
	one, two := v.one.Memory(), v.two.Memory()
	all, err := v.b.Memory()
	if err != nil {
		v.t.Fatal(err)
	}
	process, alive, err := v.server()
	if err != nil {
		v.t.Logf("no sample: %v", err)
		return
	}
	s := Sample{time.Since(v.began), []float64{one.Heap / mib, one.Nodes, one.Listeners, two.Heap / mib, two.Nodes, two.Listeners, all / mib, process / mib, alive / mib}}
	v.series.Samples = append(v.series.Samples, s)
	v.t.Log(v.series.Line(s))
}

// judge says what has become of it.
func (v *visit) judge() {
	v.t.Helper()
	v.t.Logf("tab two opened a run or shut it %d times; %d looks found a tab without connection; %d tokens were good no longer", v.turns, v.lost, v.expired)
	if *long >= settled {
		v.judgeGrowth()
	}
	for _, tab := range []*browser.Tab{v.one, v.two} {
		tab.Await("document.querySelector('#link').dataset.state === 'live'")
		tab.AwaitText("#summary", fmt.Sprintf("%d runs", *runs))
	}
}

// settled is after how long browser and server have all that they use again and again.
const settled = 10 * time.Minute

func (v *visit) judgeGrowth() {
	v.t.Helper()
	growths, err := v.series.Growths()
	if err != nil {
		v.t.Fatal(err)
	}
	for _, g := range growths {
		v.t.Log(g)
		if !g.Flat() {
			v.t.Errorf("%s grows", g.Name)
		}
	}
}
