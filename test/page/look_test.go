package page_test

import (
	"flag"
	"path/filepath"
	"testing"

	"holdfast.dev/holdfast/test/page/browser"
	"holdfast.dev/holdfast/test/page/gallery"
)

var pictures = flag.String("pictures", "", "a folder into which pictures of the gallery are written, for people to look at")

// TestTheGalleryIsSeen in light and dark, wide and narrow, without a complaint.
func TestTheGalleryIsSeen(t *testing.T) {
	tab := chromium.Tab(t, 1280, 860)
	shoot := func(name string) {
		if *pictures != "" {
			tab.Away()
			tab.Rests(1200)
			tab.Shoot(filepath.Join(*pictures, name+".png"))
		}
	}
	fits := func(width int) {
		t.Helper()
		if w := tab.Width(); w > width {
			t.Errorf("in a window of %d the page is %d wide", width, w)
		}
	}
	see := func(selector string) {
		t.Helper()
		browser.Eval[bool](tab, "(document.querySelector('"+selector+"').scrollIntoView(), true)")
	}
	tab.Open(beside(t, hung(t), gallery.Promoter, ""))
	tab.AwaitText("#groups", "ledger")
	shoot("cards")
	tab.Dark(true)
	shoot("cards-dark")
	tab.Dark(false)
	tab.Click(`[data-key="shop/web-5phu7x2pnr"]`)
	tab.Size(1280, 900)
	tab.AwaitText("#detail .buttons", "Promote")
	tab.AwaitText("#detail .events", "MetricFailed")
	tab.AwaitText("#detail .diff", "+        image: registry.example/web:1.42.0")
	tab.Await("document.querySelectorAll('#detail canvas').length === 4")
	shoot("run")
	see("#detail .charts")
	tab.Dark(true)
	shoot("run-dark")
	tab.Dark(false)
	see("#detail .chart:nth-child(3)")
	shoot("run-evidence")
	tab.Size(360, 760)
	tab.Rests(300)
	fits(360)
	browser.Eval[bool](tab, "(scrollTo(0, 0), true)")
	shoot("run-narrow")
	see("#detail .charts")
	shoot("charts-narrow")
	tab.Click(".back")
	tab.AwaitText("#groups", "ledger")
	fits(360)
	shoot("cards-narrow")
	for _, c := range tab.Complaints() {
		t.Error(c)
	}
}

// TestWhatIsDrawnIsSaid in words and in a table.
func TestWhatIsDrawnIsSaid(t *testing.T) {
	tab := chromium.Tab(t, 1280, 860)
	tab.Open(beside(t, hung(t), gallery.Promoter, ""))
	tab.AwaitText("#groups", "ledger")
	tab.Click(`[data-key="shop/web-5phu7x2pnr"]`)
	tab.AwaitText("#detail .chart:nth-child(2) .chartsays", "The newest round failed: 0.3004 is above max 0.3")
	tab.AwaitText("#detail .chart:nth-child(3) .evidence", "of what decides")
	browser.Eval[bool](tab, "(document.querySelector('#detail .chart:nth-child(2) details summary').click(), true)")
	tab.AwaitText("#detail .chart:nth-child(2) .scroll table", "at most 0.3")
	if rows := browser.Eval[int](tab, "document.querySelectorAll('#detail .chart:nth-child(2) .scroll tbody tr').length"); rows != 10 {
		t.Errorf("the table has %d rows", rows)
	}
	if unnamed := browser.Eval[[]string](tab, `[...document.querySelectorAll('button, a, input, select, textarea')].filter((e) => e.checkVisibility() && !(e.innerText || e.labels?.[0]?.innerText || e.labels?.[0]?.textContent || '').trim()).map((e) => e.outerHTML)`); len(unnamed) > 0 {
		t.Errorf("without a name: %q", unnamed)
	}
	if drawn := browser.Eval[int](tab, `[...document.querySelectorAll('canvas, svg')].filter((e) => !e.closest('[aria-hidden=true]')).length`); drawn > 0 {
		t.Errorf("%d pictures are read out", drawn)
	}
}
