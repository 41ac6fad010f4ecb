package page_test

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/page/pagetest"
	"holdfast.dev/holdfast/test/page/browser"
	"holdfast.dev/holdfast/test/page/gallery"
)

// buttons are those that there are, by what they say.
func buttons(tab *browser.Tab) string {
	return strings.Join(browser.Eval[[]string](tab, "[...document.querySelectorAll('#detail .buttons button')].map((b) => b.innerText)"), ", ")
}

// TestEveryButton is used once, and asked about where it cannot be taken back.
func TestEveryButton(t *testing.T) {
	const web, api = "web-5phu7x2pnr", "api-c81kq0w2ab"
	for name, tc := range map[string]struct {
		run, button string
		first       func(*v1alpha1.CanaryRun)
		asks        string
		want        func(v1alpha1.CanaryRunSpec) bool
	}{
		"promote": {run: web, button: "Promote", asks: "released, whatever was measured", want: func(s v1alpha1.CanaryRunSpec) bool {
			return s.Decision == v1alpha1.DecisionPromote && s.DecidedBy == "jane" && s.DecisionReason == "as good as ever"
		}},
		"abort": {run: web, button: "Abort", asks: "reverted and remembered", want: func(s v1alpha1.CanaryRunSpec) bool { return s.Decision == v1alpha1.DecisionAbort }},
		"pause": {run: web, button: "Pause", want: func(s v1alpha1.CanaryRunSpec) bool { return s.Paused }},
		"resume": {run: web, button: "Resume", first: func(r *v1alpha1.CanaryRun) {
			r.Spec.Paused, r.Status.Phase, r.Status.Reason = true, v1alpha1.PhasePaused, v1alpha1.ReasonPausedByUser
		}, want: func(s v1alpha1.CanaryRunSpec) bool { return !s.Paused }},
		"approve": {run: api, button: "Approve step", asks: "leaves the step", want: func(s v1alpha1.CanaryRunSpec) bool { return s.ApprovedSteps == 1 }},
		"retry":   {run: web, button: "Retry", asks: "begins anew", want: func(s v1alpha1.CanaryRunSpec) bool { return s.Attempt == 2 }},
	} {
		t.Run(name, func(t *testing.T) {
			server := hung(t)
			if tc.first != nil {
				run := server.Run("shop", tc.run)
				tc.first(run)
				server.Put(run)
			}
			tab := chromium.Tab(t, 1280, 860)
			tab.Open(beside(t, server, gallery.Promoter, "shop"))
			tab.AwaitText("#groups", tc.run)
			tab.Click(`[data-key="shop/` + tc.run + `"]`)
			tab.AwaitText("#detail .buttons", tc.button)
			tab.Click(`#detail .buttons button[data-verb="` + name + `"]`)
			if tc.asks != "" {
				tab.AwaitText("#ask[open]", tc.asks)
				if tc.want(server.Run("shop", tc.run).Spec) {
					t.Error("it is done before it is asked")
				}
				if name == "promote" {
					tab.Write("#reason", "as good as ever")
				}
				tab.Click("#askYes")
				tab.Await("!document.querySelector('#ask').open")
			}
			tab.Await(`!document.querySelector('#detail .buttons button[data-verb="` + name + `"]') || ` + map[bool]string{true: "true", false: "false"}[name == "retry"])
			if run := server.Run("shop", tc.run); !tc.want(run.Spec) {
				t.Errorf("decided: %+v", run.Spec)
			}
		})
	}
}

// TestButtonsAreThereForWhoMayAlone.
func TestButtonsAreThereForWhoMayAlone(t *testing.T) {
	api := hung(t)
	api.Forbids = func(_ string, spec map[string]any) string {
		if spec["decision"] == "Promote" {
			return "user jane may not promote runs or approve steps here"
		}
		return ""
	}
	tab := chromium.Tab(t, 1280, 860)
	open := func() {
		tab.AwaitText("#groups", "web-5phu7x2pnr")
		tab.Click(`[data-key="shop/web-5phu7x2pnr"]`)
	}
	tab.Open(beside(t, api, gallery.Viewer, "shop"))
	open()
	tab.AwaitText("#detail", "You may look at this run and not decide it")
	if got := buttons(tab); got != "" {
		t.Errorf("for who may look: %s", got)
	}
	tab.AwaitText("#detail", "Not shown: events is forbidden")
	other := chromium.Tab(t, 1280, 860)
	tab = other
	tab.Open(beside(t, api, gallery.Promoter, "shop"))
	open()
	tab.AwaitText("#detail .buttons", "Abort")
	if got := buttons(tab); got != "Pause, Retry, Abort" {
		t.Errorf("for whom a policy keeps from promoting: %s", got)
	}
	// A right that is taken away while the button is there is refused in words.
	api.Give(gallery.Promoter, pagetest.User{Name: "jane", May: []string{"get */canaryruns", "list */canaryruns", "watch */canaryruns"}})
	tab.Click(`#detail .buttons button[data-verb="pause"]`)
	tab.AwaitText("#notice", `You lack the verb "patch"`)
}

// TestTheKeyboardIsEnough, and the focus stays where it is while runs change.
func TestTheKeyboardIsEnough(t *testing.T) {
	api := hung(t)
	tab := chromium.Tab(t, 1280, 860)
	tab.Open(beside(t, api, gallery.Promoter, "shop"))
	tab.AwaitText("#groups", "web-5phu7x2pnr")
	tab.Keys("/")
	if got := tab.Focused(); got != "search" {
		t.Errorf("/ goes to %q", got)
	}
	for range 20 {
		tab.Keys("\t")
		if tab.Focused() == "shop/web-5phu7x2pnr" {
			break
		}
	}
	run := api.Run("shop", "web-5phu7x2pnr")
	run.Status.Message = "measured once more"
	api.Put(run)
	tab.AwaitText("#groups", "measured once more")
	if got := tab.Focused(); got != "shop/web-5phu7x2pnr" {
		t.Fatalf("the focus is on %q", got)
	}
	tab.Keys("\r")
	tab.AwaitText("#detail .buttons", "Promote")
	for range 20 {
		tab.Keys("\t")
		if tab.Focused() == "Promote" {
			break
		}
	}
	run.Status.Message = "and once more"
	api.Put(run)
	tab.AwaitText("#detail", "and once more")
	if got := tab.Focused(); got != "Promote" {
		t.Fatalf("the focus is on %q", got)
	}
	tab.Keys("\r")
	tab.Await("document.querySelector('#ask').open")
	tab.Keys("\x1b")
	tab.Await("!document.querySelector('#ask').open")
	if got := tab.Focused(); got != "Promote" {
		t.Errorf("after the question the focus is on %q", got)
	}
	if outline := browser.Eval[string](tab, "getComputedStyle(document.activeElement).outlineStyle"); outline != "solid" {
		t.Errorf("the focus is seen by an outline that is %s", outline)
	}
	tab.Keys("\x1b")
	tab.Await("document.querySelector('#detail').hidden")
	if got := tab.Focused(); got != "shop/web-5phu7x2pnr" {
		t.Errorf("after the run the focus is on %q", got)
	}
	if run := api.Run("shop", "web-5phu7x2pnr"); run.Spec.Decision != "" {
		t.Error("it was promoted all the same")
	}
}
