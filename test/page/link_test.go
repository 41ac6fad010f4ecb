package page_test

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/page/pagetest"
	"holdfast.dev/holdfast/test/page/browser"
	"holdfast.dev/holdfast/test/page/gallery"
)

func change(api *pagetest.API, message string) {
	run := api.Run("shop", "web-5phu7x2pnr")
	run.Status.Message = message
	api.Put(run)
}

// TestTwoTabsALostConnectionAndATokenThatExpires, with the page of a cluster.
func TestTwoTabsALostConnectionAndATokenThatExpires(t *testing.T) {
	api := hung(t)
	server := inCluster(t, api)
	one, two := chromium.Tab(t, 1000, 700), chromium.Tab(t, 1000, 700)
	signIn(one, server.URL, "a guess")
	one.AwaitText("#doorError", "not known to the API server")
	one.Write("#token", gallery.Viewer)
	one.Click("#door button[type=submit]")
	one.AwaitText("#groups", "web-5phu7x2pnr")
	signIn(two, server.URL, gallery.Promoter)
	two.AwaitText("#groups", "ledger")
	if text := one.Text("#groups"); strings.Contains(text, "ledger") {
		t.Errorf("who may see one namespace sees another: %s", text)
	}
	change(api, "seen by both")
	one.AwaitText("#groups", "seen by both")
	two.AwaitText("#groups", "seen by both")

	server.CloseClientConnections()
	change(api, "after the connection was lost")
	one.AwaitText("#groups", "after the connection was lost")
	two.AwaitText("#groups", "after the connection was lost")
	one.AwaitText("#link", "Live")

	one.Click(`[data-key="shop/web-5phu7x2pnr"]`)
	one.AwaitText("#detail", "after the connection was lost")
	api.Forget(gallery.Viewer)
	one.AwaitText("#doorError", "or has expired")
	if left := browser.Eval[int](one, "document.querySelectorAll('.card').length"); left != 0 || strings.Contains(one.Text("body"), "web-5phu7x2pnr") {
		t.Errorf("%d cards are left when the token has expired:\n%s", left, one.Text("body"))
	}
	if kept := browser.Eval[int](one, "sessionStorage.length + localStorage.length"); kept != 0 || browser.Eval[string](one, "document.cookie") != "" {
		t.Error("something is left of the token")
	}
	change(api, "the other goes on")
	two.AwaitText("#groups", "the other goes on")
	two.Click("#leave")
	two.AwaitText("#link", "Not signed in")
}

// TestARightThatIsTakenAwayTakesTheCards without a token anew.
func TestARightThatIsTakenAwayTakesTheCards(t *testing.T) {
	api := hung(t)
	api.Give(gallery.Viewer, pagetest.User{Name: "vic", May: []string{"list shop/canaryruns", "list payments/canaryruns"}})
	tab := chromium.Tab(t, 1000, 700)
	signIn(tab, inCluster(t, api).URL, gallery.Viewer)
	tab.AwaitText("#groups", "ledger")
	api.Give(gallery.Viewer, pagetest.User{Name: "vic", May: []string{"list shop/canaryruns"}})
	tab.Await("!document.querySelector('#groups').textContent.includes('ledger')")
	tab.AwaitText("#groups", "web-5phu7x2pnr")
	api.Give(gallery.Viewer, pagetest.User{Name: "vic", May: []string{"list shop/canaryruns", "list payments/canaryruns"}})
	tab.AwaitText("#groups", "ledger")
}

// TestWhatCouldNotBeAskedIsAskedAgain: a run that is opened while the API server is away has its buttons soon
// after that is back.
func TestWhatCouldNotBeAskedIsAskedAgain(t *testing.T) {
	api := hung(t)
	tab := chromium.Tab(t, 1000, 700)
	tab.Open(beside(t, api, gallery.Promoter, "shop"))
	tab.AwaitText("#groups", "web-5phu7x2pnr")
	api.SetDown(true)
	tab.Click(`[data-key="shop/web-5phu7x2pnr"]`)
	tab.AwaitText("#detail .notice", "What stands here may be old")
	if got := buttons(tab); got != "" {
		t.Errorf("nobody said that these may be used: %s", got)
	}
	api.SetDown(false)
	tab.AwaitText("#detail .buttons", "Promote")
	tab.Await("document.querySelector('#detail .notice').hidden")
}

// TestAPhaseIsSaid to who does not see it.
func TestAPhaseIsSaid(t *testing.T) {
	api := hung(t)
	tab := chromium.Tab(t, 1000, 700)
	tab.Open(beside(t, api, gallery.Viewer, "shop"))
	tab.AwaitText("#groups", "web-5phu7x2pnr")
	run := api.Run("shop", "web-5phu7x2pnr")
	run.Status.Phase, run.Status.Message = v1alpha1.PhaseReverted, "p99 was above 0.3 too often"
	api.Put(run)
	tab.AwaitText("#news[aria-live=polite]", "web in shop is Reverted: p99 was above 0.3 too often")
	api.Delete("shop", "web-5phu7x2pnr")
	tab.Await("!document.querySelector('#groups').textContent.includes('web-5phu7x2pnr')")
}

// TestTextOfUsersIsText, and nobody else is asked for anything.
func TestTextOfUsersIsText(t *testing.T) {
	const bad = `<img src="https://evil.example/x" onerror="document.body.innerHTML=''"><script>document.title='evil'</script>`
	api := pagetest.New(t)
	gallery.Hang(api, time.Now())
	run := api.Run("shop", "web-5phu7x2pnr")
	run.Status.Message, run.Status.Scale, run.Spec.PlanSource = bad, bad, bad
	for i := range run.Status.Metrics {
		run.Status.Metrics[i].Name += bad
		run.Status.Metrics[i].Last[9].Message, run.Status.Metrics[i].Last[9].Query = bad, bad
	}
	api.Put(run)
	tab := chromium.Tab(t, 1280, 860)
	address := beside(t, api, gallery.Promoter, "shop")
	base, _, _ := strings.Cut(address, "#")
	tab.Open(address)
	tab.AwaitText("#groups", "<img src=")
	tab.Click(`[data-key="shop/web-5phu7x2pnr"]`)
	tab.AwaitText("#detail .charts", "<img src=")
	tab.AwaitText("#detail .facts", "<script>")
	if made := browser.Eval[int](tab, "document.querySelectorAll('img[src*=evil], main script').length"); made != 0 {
		t.Errorf("%d elements were made of text", made)
	}
	if at := browser.Eval[string](tab, "location.href"); strings.Contains(at, "token") {
		t.Errorf("the secret stays in the address: %s", at)
	}
	for _, asked := range tab.Asked() {
		if !strings.HasPrefix(asked, base) {
			t.Errorf("it asks %s", asked)
		}
	}
	for _, c := range tab.Complaints() {
		t.Error(c)
	}
}
