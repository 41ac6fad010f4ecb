package page_test

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/page/gallery"
)

// TestWhatIsPressedStaysUntilItIsReleased: a run that comes to wait for somebody has its card in another
// group, which must not happen between the press and the release of a click: that would be none.
func TestWhatIsPressedStaysUntilItIsReleased(t *testing.T) {
	const card = `[data-key="shop/web-5phu7x2pnr"]`
	api := hung(t)
	tab := chromium.Tab(t, 1280, 860)
	tab.Open(beside(t, api, gallery.Promoter, "shop"))
	tab.AwaitText("#groups", "web-5phu7x2pnr")
	tab.Press(card)
	run := api.Run("shop", "web-5phu7x2pnr")
	run.Status.Phase, run.Status.Reason, run.Status.Message = v1alpha1.PhasePaused, v1alpha1.ReasonApproval, "waits for approval now"
	api.Put(run)
	tab.AwaitText("#news", "waits for approval now") // it has come to the tab
	tab.Release()
	tab.AwaitText("#detail", "waits for approval now")
	tab.AwaitText("#groups section:first-child", "waits for approval now") // and is where it belongs

	tab.AwaitText("#detail .buttons", "Approve step")
	tab.Press(`#detail button[data-verb="abort"]`)
	run = api.Run("shop", "web-5phu7x2pnr")
	run.Status.Phase, run.Status.Message = v1alpha1.PhaseFrozen, "is frozen now, for a reason that takes some room: "+strings.Repeat("as was said before, ", 40)
	api.Put(run)
	tab.AwaitText("#news", "is frozen now")
	tab.Release()
	tab.AwaitText("#ask[open]", "reverted and remembered")
	tab.AwaitText("#detail .lead", "is frozen now")
	for _, c := range tab.Complaints() {
		t.Error(c)
	}
}

// TestAPressWhoseEndIsNotTold ends when the mouse moves without it: browsers tell of none that ends on a bar
// to scroll, or elsewhere.
func TestAPressWhoseEndIsNotTold(t *testing.T) {
	api := hung(t)
	tab := chromium.Tab(t, 1280, 860)
	tab.Open(beside(t, api, gallery.Promoter, "shop"))
	tab.AwaitText("#groups", "web-5phu7x2pnr")
	tab.Press("#summary")
	run := api.Run("shop", "web-5phu7x2pnr")
	run.Status.Phase, run.Status.Message = v1alpha1.PhaseFrozen, "is frozen now"
	api.Put(run)
	tab.AwaitText("#news", "is frozen now")
	if strings.Contains(tab.Text("#groups"), "is frozen now") {
		t.Error("it is drawn while the button is down")
	}
	tab.Move()
	tab.AwaitText("#groups", "is frozen now")
}
