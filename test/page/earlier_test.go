package page_test

import (
	"context"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/page/view"
	"holdfast.dev/holdfast/test/page/browser"
	"holdfast.dev/holdfast/test/page/gallery"
)

// recollection is an endpoint that has a value of each metric for each minute of an hour that ends now.
type recollection struct{}

func (recollection) Earlier(_ context.Context, run *v1alpha1.CanaryRun) (out []view.Earlier, err error) {
	for _, m := range run.Status.Metrics {
		e := view.Earlier{Name: m.Name, Says: "Since the canary was Ready it went up."}
		for ago := 60; ago >= 0; ago-- {
			value := float64(60-ago) / 300
			e.Rounds = append(e.Rounds, view.Point{At: time.Now().Add(-time.Duration(ago) * time.Minute).UnixMilli(), Outcome: view.OutcomeEarlier, Text: "asked", Value: &value})
		}
		out = append(out, e)
	}
	return out, nil
}

const rowsOf = "[...document.querySelectorAll('#detail .chart:nth-child(2) .scroll tbody tr')].map((r) => r.children[1].textContent)"

// TestValuesFromBeforeAreDrawn: those of before the rounds that the status has, without marks, and said in
// words; a round that the status has is not asked.
func TestValuesFromBeforeAreDrawn(t *testing.T) {
	tab := chromium.Tab(t, 1280, 900)
	signIn(tab, inCluster(t, hung(t)).URL, gallery.Promoter)
	tab.AwaitText("#groups", "web-5phu7x2pnr")
	tab.Click(`[data-key="shop/web-5phu7x2pnr"]`)
	tab.AwaitText("#detail .chart:nth-child(2)", "Since the canary was Ready it went up.")
	tab.AwaitText("#detail", "How those rounds came out is not known any more, so they have no marks")
	rows := browser.Eval[[]string](tab, rowsOf)
	known := 0
	for i, outcome := range rows { // the newest first
		isAsked := outcome == "asked later"
		if !isAsked {
			known++
		}
		if isAsked != (i >= known) {
			t.Fatalf("row %d of %v", i, rows)
		}
	}
	if known != 10 || len(rows) < 60 {
		t.Errorf("%d rounds of the status, of %d rows: %v", known, len(rows), rows)
	}
	tab.Click(`[data-key="shop/api-c81kq0w2ab"]`)
	tab.AwaitText("#detail .chart:nth-child(2)", "Since the canary was Ready it went up.")
	for _, c := range tab.Complaints() {
		t.Error(c)
	}
}

// TestBesideKubectlNobodyIsAsked, and the page says so.
func TestBesideKubectlNobodyIsAsked(t *testing.T) {
	tab := chromium.Tab(t, 1280, 900)
	tab.Open(beside(t, hung(t), gallery.Promoter, "shop"))
	tab.AwaitText("#groups", "web-5phu7x2pnr")
	tab.Click(`[data-key="shop/web-5phu7x2pnr"]`)
	tab.AwaitText("#detail", "open the page of the cluster to see them")
	if rows := browser.Eval[[]string](tab, rowsOf); len(rows) != 10 {
		t.Errorf("%d rounds of the status: %v", len(rows), rows)
	}
}
