package decide

import (
	"testing"

	"holdfast.dev/holdfast/internal/hold"
)

func TestDecide(t *testing.T) {
	// A Deployment in good health that runs s while h is held, asked for d.
	healthy := func(change func(*Input)) Input {
		v := Input{Stable: "s", Desired: "d", Replicas: 3, Ready: 3}
		change(&v)
		return v
	}
	rejected := &hold.Rejection{Hash: "d", Reason: "MetricOutOfRange"}

	for name, tc := range map[string]struct {
		view Input
		want Decision
	}{
		"a new template is held": {
			healthy(func(*Input) {}), Decision{Hold, ReasonNewTemplate}},
		"the stable template passes": {
			healthy(func(v *Input) { v.Desired = "s" }), Decision{Pass, ReasonUnchanged}},
		"a rollback never waits": {
			healthy(func(v *Input) { v.RollsBack = true }), Decision{Pass, ReasonRollback}},
		"a rollback never waits, not even to a template that was rejected": {
			healthy(func(v *Input) { v.RollsBack, v.Rejection = true, rejected }), Decision{Pass, ReasonRollback}},
		"a rejected template is not tried twice": {
			healthy(func(v *Input) { v.Rejection = rejected }), Decision{Drop, ReasonRejected}},
		"a rejected template is refused even with no pod Ready": {
			healthy(func(v *Input) { v.Rejection, v.Ready = rejected, 0 }), Decision{Drop, ReasonRejected}},
		"who may skips the canary": {
			healthy(func(v *Input) { v.Skip = true }), Decision{Pass, ReasonSkipped}},
		"who may skips the canary of a rejected template": {
			healthy(func(v *Input) { v.Skip, v.Rejection = true, rejected }), Decision{Pass, ReasonSkipped}},
		"who may lets the held template through": {
			healthy(func(v *Input) { v.Skip, v.Held = true, "d" }), Decision{Pass, ReasonSkipped}},
		"who may skips the canary of a template that is not the held one": {
			healthy(func(v *Input) { v.Skip, v.Held = true, "h" }), Decision{Pass, ReasonSkipped}},
		"a rollback needs no skip": {
			healthy(func(v *Input) { v.Skip, v.RollsBack = true, true }), Decision{Pass, ReasonRollback}},
		"the stable template needs no skip": {
			healthy(func(v *Input) { v.Skip, v.Desired = true, "s" }), Decision{Pass, ReasonUnchanged}},
		"the stable template withdraws the held one, skip or not": {
			healthy(func(v *Input) { v.Skip, v.Desired, v.Held = true, "s", "h" }), Decision{Drop, ReasonWithdrawn}},
		"a Deployment scaled to zero has nothing to protect": {
			healthy(func(v *Input) { v.Replicas = 0 }), Decision{Pass, ReasonScaledToZero}},
		"a Deployment without Ready pods has nothing to protect": {
			healthy(func(v *Input) { v.Ready = 0 }), Decision{Pass, ReasonNoneReady}},
		"who opted out is left alone": {
			healthy(func(v *Input) { v.OptedOut = true }), Decision{Pass, ReasonOptedOut}},
		"who opted out is left alone, with a rejected template too": {
			healthy(func(v *Input) { v.OptedOut, v.Rejection = true, rejected }), Decision{Pass, ReasonOptedOut}},
		"opting out during a hold lets the held template through": {
			healthy(func(v *Input) { v.OptedOut, v.Held = true, "d" }), Decision{Pass, ReasonOptedOut}},
		"the held template again changes nothing": {
			healthy(func(v *Input) { v.Held = "d" }), Decision{Keep, ReasonAlreadyHeld}},
		"what is not about the template changes nothing while no stable pod is Ready": {
			healthy(func(v *Input) { v.Held, v.Ready = "d", 0 }), Decision{Keep, ReasonAlreadyHeld}},
		"the held template asked for again passes where no stable pod is Ready any more": {
			healthy(func(v *Input) { v.Held, v.Ready, v.Asks = "d", 0, true }), Decision{Pass, ReasonNoneReady}},
		"not what has failed": {
			healthy(func(v *Input) { v.Held, v.Ready, v.Asks, v.Failed = "d", 0, true, true }), Decision{Keep, ReasonAlreadyHeld}},
		"not where a policy insists": {
			healthy(func(v *Input) { v.Held, v.Ready, v.Asks, v.Insists = "d", 0, true, true }), Decision{Keep, ReasonAlreadyHeld}},
		"nor for who scales to zero with it": {
			healthy(func(v *Input) { v.Held, v.Ready, v.Asks, v.Replicas = "d", 0, true, 0 }), Decision{Keep, ReasonAlreadyHeld}},
		"the held template again changes nothing while the Deployment is scaled to zero": {
			healthy(func(v *Input) { v.Held, v.Replicas = "d", 0 }), Decision{Keep, ReasonAlreadyHeld}},
		"the stable template during a hold withdraws it": {
			healthy(func(v *Input) { v.Held, v.Desired = "h", "s" }), Decision{Drop, ReasonWithdrawn}},
		"a Deployment that is to be alone is updated without a canary": {
			healthy(func(v *Input) { v.Alone = true }), Decision{Pass, ReasonRecreate}},
		"or not at all where canaries are required": {
			healthy(func(v *Input) { v.Alone, v.Required = true, true }), Decision{Refuse, ReasonRecreate}},
		"nor where a policy insists and it is scaled to zero, for it would have one when it is scaled up": {
			healthy(func(v *Input) { v.Alone, v.Required, v.Insists, v.Replicas = true, true, true, 0 }), Decision{Refuse, ReasonRecreate}},
		"scaled to zero it has nothing to be beside": {
			healthy(func(v *Input) { v.Alone, v.Required, v.Replicas = true, true, 0 }), Decision{Pass, ReasonScaledToZero}},
		"with no pod Ready there is nothing to protect there either": {
			healthy(func(v *Input) { v.Alone, v.Required, v.Ready = true, true, 0 }), Decision{Pass, ReasonNoneReady}},
		"a rollback of it never waits": {
			healthy(func(v *Input) { v.Alone, v.Required, v.RollsBack = true, true, true }), Decision{Pass, ReasonRollback}},
		"who may skips, and it is no matter that there would be no canary": {
			healthy(func(v *Input) { v.Alone, v.Required, v.Skip = true, true, true }), Decision{Pass, ReasonSkipped}},
		"a rejected template of it is not let through": {
			healthy(func(v *Input) { v.Alone, v.Rejection = true, rejected }), Decision{Drop, ReasonRejected}},
		"what is held already stays so when it becomes one that is to be alone": {
			healthy(func(v *Input) { v.Alone, v.Asks, v.Held = true, true, "d" }), Decision{Keep, ReasonAlreadyHeld}},
		"another template than the held one passes there": {
			healthy(func(v *Input) { v.Alone, v.Held = true, "h" }), Decision{Pass, ReasonRecreate}},
		"another template supersedes the held one": {
			healthy(func(v *Input) { v.Held = "h" }), Decision{Hold, ReasonSuperseding}},
		"a rollback during a hold passes": {
			healthy(func(v *Input) { v.Held, v.RollsBack = "h", true }), Decision{Pass, ReasonRollback}},
		"a rejected template during a hold ends the hold": {
			healthy(func(v *Input) { v.Held, v.Rejection = "h", rejected }), Decision{Drop, ReasonRejected}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Decide(tc.view); got != tc.want {
				t.Errorf("Decide(%+v) = %v, want %v", tc.view, got, tc.want)
			}
		})
	}
}

// TestDecideNeverReleasesAHold goes through every view: a held template becomes
// the stable one only where the guard was lifted or a user who may skips it.
func TestDecideNeverReleasesAHold(t *testing.T) {
	bools := []bool{false, true}
	hashes := []hold.Hash{"s", "h", "d"}
	check := func(v Input) {
		d := Decide(v)
		if d.Effect == "" || d.Reason == "" {
			t.Fatalf("Decide(%+v) is empty", v)
		}
		if v.Held != "" && v.Desired == v.Held && d.Effect == Pass && !v.OptedOut && !v.Skip {
			t.Errorf("Decide(%+v) = %v: a hold was released by a request", v, d)
		}
	}
	for _, out := range bools {
		for _, held := range []hold.Hash{"", "h"} {
			for _, desired := range hashes {
				for _, back := range bools {
					for _, skip := range bools {
						for _, ready := range []int64{0, 2} {
							for _, alone := range bools {
								check(Input{OptedOut: out, Alone: alone, Stable: "s", Held: held, Desired: desired, RollsBack: back, Skip: skip, Replicas: 2, Ready: ready})
							}
						}
					}
				}
			}
		}
	}
}
