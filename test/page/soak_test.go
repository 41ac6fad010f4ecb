package page_test

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"holdfast.dev/holdfast/internal/page/pagetest"
	"holdfast.dev/holdfast/test/page/browser"
	"holdfast.dev/holdfast/test/page/gallery"
)

var soak = flag.Duration("soak", 6*time.Second, "how long the page with 200 runs stays open")

const manyRuns = 200

// TestAPageWith200RunsStaysAsLargeAsItIs: runs are measured all the time, half of a hundred each second, and neither
// the browser nor the server grows.
func TestAPageWith200RunsStaysAsLargeAsItIs(t *testing.T) {
	api := pagetest.New(t)
	gallery.Hang(api, time.Now())
	start, rounds := time.Now().Add(-time.Minute), 0
	for i := range manyRuns {
		run := gallery.New("shop", fmt.Sprintf("app%03d", i), "5phu7x2pnr", start)
		gallery.Measure(run, start, 3, 1.1)
		api.Put(run)
	}
	tab := chromium.Tab(t, 1280, 900)
	tab.Open(beside(t, api, gallery.Promoter, "shop"))
	tab.Await(`document.querySelector('[data-key="shop/app199-5phu7x2pnr"]')`) // far below the window
	tab.Click(`[data-key="shop/app007-5phu7x2pnr"]`)
	tab.AwaitText("#detail", "errors-compared")
	measure := func(until time.Time) {
		for time.Now().Before(until) {
			for i := range manyRuns / 4 {
				run := api.Run("shop", fmt.Sprintf("app%03d-5phu7x2pnr", (rounds*manyRuns/4+i)%manyRuns))
				gallery.Round(run, time.Now(), 3+rounds/4%7, 1.1)
				api.Put(run)
			}
			run := api.Run("shop", "app007-5phu7x2pnr")
			gallery.Round(run, time.Now(), 3+rounds%7, 1.1)
			api.Put(run)
			rounds++
			tab.Rests(500)
		}
	}
	measure(time.Now().Add(min(*soak/3, 2*time.Minute))) // what is used again and again is there by then
	first := takeSize(tab)
	t.Logf("at first %s", first)
	for end := time.Now().Add(*soak); time.Now().Before(end); {
		measure(time.Now().Add(min(time.Minute, time.Until(end))))
		t.Logf("%s, after %d rounds: %s", time.Until(end).Round(time.Second), rounds, takeSize(tab))
	}
	last := takeSize(tab)
	if last.browser > first.browser*1.25+2 || last.server > first.server*1.25+4 || last.nodes > first.nodes*1.1+4000 {
		t.Errorf("it has grown from %s to %s", first, last)
	}
	for _, c := range tab.Complaints() {
		t.Error(c)
	}
}

// size is how large a page is: of the browser's scripts and of the server (this process) in MiB, and the elements.
type size struct{ browser, server, nodes float64 }

func (s size) String() string {
	return fmt.Sprintf("browser %.1f MiB, server %.1f MiB, %.0f nodes", s.browser, s.server, s.nodes)
}

func takeSize(tab *browser.Tab) size {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	of := browser.Eval[[]float64](tab, "(gc(), gc(), [performance.memory.usedJSHeapSize, document.querySelectorAll('*').length])")
	return size{of[0] / (1 << 20), float64(m.HeapAlloc) / (1 << 20), of[1]}
}
