package compare

import (
	"net/http"
	"testing"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// past are the templates of lines, as revisions.
func past(t *testing.T, lines ...string) []Revision {
	t.Helper()
	var out []Revision
	for i, line := range lines {
		out = append(out, Revision{Number: int64(i + 1), Template: state(t, line).Stable(), Object: object(t, line)})
	}
	return out
}

// patched is a client that sent a strategic patch.
func patched(manager, body string) Outcome {
	return Outcome{Requests: []Request{{Method: http.MethodPatch, ContentType: "application/strategic-merge-patch+json", Manager: manager, Status: http.StatusOK, Body: body}}}
}

const (
	imageV1       = `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"holdfast.test/app:v1"}]}}}}`
	imageV1EnvA   = `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"holdfast.test/app:v1","env":[{"name":"A","value":"1"}]}]}}}}`
	dropEnvA      = `{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"A","$patch":"delete"}]}]}}}}`
	defaultPolicy = `{"spec":{"template":{"spec":{"containers":[{"name":"app","imagePullPolicy":null}]}}}}`
	tolerateSpot  = `{"spec":{"template":{"spec":{"tolerations":[{"key":"spot","operator":"Equal","value":"t4","effect":"NoSchedule"}]}}}}`
	graceOf5      = `{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":5}}}}`
)

// asIfReleased is the unguarded side of a state.
func asIfReleased(s Snapshot) Snapshot {
	return Snapshot{Object: map[string]any{"spec": map[string]any{"template": s.Desired()}}}
}

func TestExplain(t *testing.T) {
	none, silent, merged := Outcome{}, Outcome{Code: 1}, patched("kubectl-patch", imageV1EnvA)
	merged.Requests[0].ContentType = mergePatch
	offEnv := patched("kubectl-patch", `[{"op":"remove","path":"/spec/template/spec/containers/0/env"}]`)
	offEnv.Requests[0].ContentType = jsonPatch
	refused := func(contentType string, status int, force bool, message string) Outcome {
		return Outcome{Code: 1, Requests: []Request{{Method: http.MethodPatch, ContentType: contentType, Status: status, Force: force, Message: message}}}
	}
	for name, tc := range map[string]struct {
		command                    string
		before, unguarded, guarded string // guarded before; both after
		outcome                    Pair[Outcome]
		want                       Explanation
	}{
		"set image back to the stable one sends nothing": {command: "set-image image=v1", before: "image=v1|image=v2", unguarded: "image=v1", guarded: "image=v1|image=v2",
			outcome: Pair[Outcome]{patched("kubectl-set", imageV1), none}, want: ClientSentNothing},
		"a patch that changes nothing of the stable one": {command: "patch-strategic image=v1", before: "image=v1|image=v2", unguarded: "image=v1", guarded: "image=v1|image=v2",
			outcome: Pair[Outcome]{patched("kubectl-patch", imageV1), patched("kubectl-patch", imageV1)}, want: ClientSentLess},
		"an edit of which a part is stable": {command: "edit image=v1 env.A=1", before: "image=v1|image=v2", unguarded: "image=v1 env.A=1", guarded: "image=v1|image=v2 env.A=1",
			outcome: Pair[Outcome]{patched("kubectl-edit", imageV1EnvA), patched("kubectl-edit", dropEnvA)}, want: ClientSentLess},
		"new variables in the order of the stable ones": {command: "set-env env.B=5 env.A=6", before: "env.A=4|image=v2", unguarded: "image=v2 env.B=5 env.A=6", guarded: "env.A=4|image=v2 env.A=6 env.B=5",
			outcome: Pair[Outcome]{patched("kubectl-set", `{}`), patched("kubectl-set", `{"spec":{"template":{"spec":{"$setElementOrder/containers":[]}}}}`)}, want: OrderOfTheStable},
		"in another order with other values": {command: "set-env env.B=5 env.A=6", before: "env.A=4|image=v2", unguarded: "image=v2 env.B=5 env.A=6", guarded: "env.A=4|image=v2 env.A=6 env.B=7",
			outcome: Pair[Outcome]{patched("kubectl-set", `{}`), patched("kubectl-set", `{"spec":{"template":{"spec":{"$setElementOrder/containers":[]}}}}`)}},
		"taking off what the stable one has not": {command: "set-env env.A-", before: "image=v1|image=v1 env.A=1", unguarded: "image=v1", guarded: "image=v1|image=v1 env.A=1",
			outcome: Pair[Outcome]{patched("kubectl-set", dropEnvA), none}, want: ClientSentNothing},
		"taking off what comes back as a default": {command: "patch-strategic policy-", before: "image=v1|image=v1 policy=Always", unguarded: "image=v1", guarded: "image=v1|image=v1 policy=Always",
			outcome: Pair[Outcome]{patched("kubectl-patch", defaultPolicy), patched("kubectl-patch", defaultPolicy)}, want: ClientSentLess},
		"Helm 3 does not speak of what it dropped before": {command: "helm3 image=v1", before: "image=v1 env.A=1|image=v2", unguarded: "image=v1", guarded: "image=v1 env.A=1",
			outcome: Pair[Outcome]{patched("helm", imageV1), patched("helm", imageV1)}, want: ManifestUnseen},
		"others who do not speak of it change nothing": {command: "set-image image=v1", before: "image=v1 env.A=1|image=v2", unguarded: "image=v1", guarded: "image=v1 env.A=1",
			outcome: Pair[Outcome]{patched("kubectl-set", imageV1), patched("kubectl-set", imageV1)}},
		"the API's defaults come with what is sent": {command: "helm3 image=v1 dns=Default", before: "image=v1 dns=Default user=5|image=v2", unguarded: "image=v1 dns=Default user=5", guarded: "image=v1 dns=Default user=5|image=v2",
			outcome: Pair[Outcome]{patched("helm", imageV1), none}, want: ClientSentNothing},
		"what was held already is lost besides": {command: "set-image image=v1", before: "image=v1 host=h|image=v2 host=h", unguarded: "image=v1 host=h", guarded: "image=v1 host=h|image=v2",
			outcome: Pair[Outcome]{patched("kubectl-set", imageV1), none}},
		"a merge patch puts a list in place that leaves out what the stable one has not": {command: "patch-merge image=v1 env.A=1", before: "image=v1|image=v1 live=/x", unguarded: "image=v1 env.A=1", guarded: "image=v1|image=v1 live=/x env.A=1",
			outcome: Pair[Outcome]{merged, merged}, want: ClientSentLess},
		"an edited list without keys leaves out an element that the stable one has not": {command: "edit toleration.gpu- toleration.spot=t4", before: "image=v1|image=v1 toleration.gpu=t3", unguarded: "image=v1 toleration.spot=t4", guarded: "image=v1|image=v1 toleration.gpu=t3 toleration.spot=t4",
			outcome: Pair[Outcome]{patched("kubectl-edit", tolerateSpot), patched("kubectl-edit", tolerateSpot)}, want: ClientSentLess},
		"an element that the stable one has, too, is left out": {command: "edit toleration.gpu- toleration.spot=t4", before: "image=v1 toleration.gpu=t3|image=v2 toleration.gpu=t3", unguarded: "image=v2 toleration.spot=t4", guarded: "image=v1 toleration.gpu=t3|image=v2 toleration.gpu=t3 toleration.spot=t4",
			outcome: Pair[Outcome]{patched("kubectl-edit", tolerateSpot), patched("kubectl-edit", tolerateSpot)}},
		"an element that the text brings is lost": {command: "reread-replace toleration.spot=t4", before: "image=v1|image=v1 toleration.gpu=t3", unguarded: "image=v1 toleration.gpu=t3 toleration.spot=t4", guarded: "image=v1|image=v1 toleration.gpu=t3",
			outcome: Pair[Outcome]{patched("kubectl-replace", ""), patched("kubectl-replace", "")}},
		"more differs than the stable one has": {command: "set-image image=v1", before: "image=v1|image=v2 env.A=1", unguarded: "image=v1", guarded: "image=v1|image=v2 env.A=1",
			outcome: Pair[Outcome]{patched("kubectl-set", imageV1), none}},
		"nothing is sent though the stable one has something else": {command: "edit grace=5", before: "image=v1|image=v2", unguarded: "image=v2 grace=5", guarded: "image=v1|image=v2",
			outcome: Pair[Outcome]{patched("kubectl-edit", graceOf5), none}},
		"nothing was held": {command: "set-image image=v1", before: "image=v1", unguarded: "image=v1", guarded: "image=v2",
			outcome: Pair[Outcome]{patched("kubectl-set", imageV1), none}},
		"client-side apply tells by its annotation": {command: "apply image=v1", before: "image=v1|image=v2", unguarded: "image=v1", guarded: "image=v1|image=v2",
			outcome: Pair[Outcome]{patched(clientSideApply, imageV1), patched(clientSideApply, `{}`)}},
		"a container that only the held one has": {command: "set-image side=s2", before: "image=v1|image=v1 side=s1", unguarded: "image=v1 side=s2", guarded: "image=v1|image=v1 side=s1",
			outcome: Pair[Outcome]{none, silent}, want: ClientRefused},
		"a refusal with nothing held": {command: "set-image side=s2", before: "image=v1", unguarded: "image=v1", guarded: "image=v1", outcome: Pair[Outcome]{none, silent}},
		"a conflict of owners": {command: "server-apply by=owner image=v3", before: "image=v1|image=v2", unguarded: "image=v3", guarded: "image=v1|image=v2",
			outcome: Pair[Outcome]{none, refused(applyPatch, http.StatusConflict, false, "Apply failed with 2 conflicts: conflicts with \"a\" using apps/v1:\n- .spec.template.spec.containers[name=\"app\"].image\n- .spec.template.spec.hostname")}, want: ConflictOfOwners},
		"a conflict about something else": {command: "server-apply by=owner image=v3", before: "image=v1|image=v2", unguarded: "image=v3", guarded: "image=v1|image=v2",
			outcome: Pair[Outcome]{none, refused(applyPatch, http.StatusConflict, false, "Apply failed with 1 conflict: conflict with \"a\" using apps/v1: .spec.replicas")}},
		"a conflict that was forced": {command: "server-apply by=ci image=v3", before: "image=v1|image=v2", unguarded: "image=v3", guarded: "image=v1|image=v2",
			outcome: Pair[Outcome]{none, refused(applyPatch, http.StatusConflict, true, "conflict")}},
		"a JSON patch of what is not there": {command: "patch-json env.A-", before: "image=v1|image=v1 env.A=1", unguarded: "image=v1", guarded: "image=v1|image=v1 env.A=1",
			outcome: Pair[Outcome]{none, refused(jsonPatch, http.StatusUnprocessableEntity, false, "the server rejected our request due to an error in our request")}, want: PatchDidNotFit},
		"a list that the stable one has in part was taken off": {command: "patch-json env.A-", before: "image=v1 env.A=1|image=v1 env.A=1 env.B=2", unguarded: "image=v1", guarded: "image=v1|image=v1 env.B=2",
			outcome: Pair[Outcome]{offEnv, offEnv}, want: ClientSentLess},
		"what an edit of the stable one makes of the held one is refused": {command: "edit port.a=2", before: "image=v1|image=v1 port.a=1", unguarded: "image=v1 port.a=2", guarded: "image=v1|image=v1 port.a=1",
			outcome: Pair[Outcome]{patched("kubectl-edit", graceOf5), refused("application/strategic-merge-patch+json", http.StatusUnprocessableEntity, false, "the API server refuses the new pod template: Duplicate value")}, want: ClientSentLess},
		"a template is refused that was sent to both": {command: "set-image image=v2", before: "image=v1|image=v3", unguarded: "image=v2", guarded: "image=v1|image=v3",
			outcome: Pair[Outcome]{patched("kubectl-set", ""), refused("application/strategic-merge-patch+json", http.StatusUnprocessableEntity, false, "the API server refuses the new pod template: no")}},
		"a refused patch to what the stable one has in part": {command: "patch-strategic grace=5", before: "image=v1 grace=5|image=v1", unguarded: "image=v1 grace=5", guarded: "image=v1 grace=5|image=v1",
			outcome: Pair[Outcome]{patched("kubectl-patch", graceOf5), refused("application/strategic-merge-patch+json", http.StatusUnprocessableEntity, false, "the API server refuses the new pod template: Required value")}, want: ClientSentLess},
		"a webhook's refusal": {command: "patch-json grace=1", before: "image=v1|image=v2", unguarded: "image=v1 grace=1", guarded: "image=v1|image=v2",
			outcome: Pair[Outcome]{none, refused(jsonPatch, http.StatusForbidden, false, "admission webhook denied the request")}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := sequence.Parse(tc.command)
			if err != nil {
				t.Fatal(err)
			}
			before := state(t, tc.before)
			s := Step{Command: c, Outcome: tc.outcome, Before: Pair[Snapshot]{asIfReleased(before), before},
				After: Pair[Snapshot]{state(t, tc.unguarded), state(t, tc.guarded)}}
			d := s.Compare()
			if !d.Found() {
				t.Fatal("there is nothing to explain")
			}
			if got, _ := s.Explain(d); got != tc.want {
				t.Errorf("%s is explained by %q, want %q", d.Aspect, got, tc.want)
			}
		})
	}
}

func TestExplainUndo(t *testing.T) {
	sent, silent := Outcome{Requests: []Request{{Method: http.MethodPatch}}}, Outcome{Code: 1}
	for name, tc := range map[string]struct {
		command                    string
		unguardedPast, guardedPast []string
		held, unguarded, guarded   string // held before; both after
		outcome                    Pair[Outcome]
		want                       Explanation
	}{
		"to one that was superseded": {command: "undo", unguardedPast: []string{"image=v1", "image=v2", "image=v3"}, guardedPast: []string{"image=v1", "image=v3"},
			unguarded: "image=v2", guarded: "image=v1", outcome: Pair[Outcome]{sent, sent}, want: UndoOfWhatNeverRan},
		"with no history": {command: "undo", unguardedPast: []string{"image=v1", "image=v2"}, guardedPast: []string{"image=v1"}, held: "image=v2",
			unguarded: "image=v1", guarded: "image=v1|image=v2", outcome: Pair[Outcome]{sent, silent}, want: UndoOfWhatNeverRan},
		"in another order of revisions": {command: "undo", unguardedPast: []string{"image=v1", "image=v2", "image=v3"}, guardedPast: []string{"image=v2", "image=v1", "image=v3"},
			unguarded: "image=v2", guarded: "image=v1", outcome: Pair[Outcome]{sent, sent}, want: UndoOfOtherHistory},
		"withdraws what is held, of which another was superseded": {command: "undo", unguardedPast: []string{"image=v0", "image=v1", "image=v2", "image=v3"}, guardedPast: []string{"image=v0", "image=v1"},
			held: "image=v3", unguarded: "image=v2", guarded: "image=v1", outcome: Pair[Outcome]{sent, sent}, want: UndoOfWhatNeverRan},
		"goes where it should not": {command: "undo", unguardedPast: []string{"image=v0", "image=v1", "image=v2"}, guardedPast: []string{"image=v0", "image=v1"},
			held: "image=v2", unguarded: "image=v1", guarded: "image=v0", outcome: Pair[Outcome]{sent, sent}},
		"to a revision that only one has": {command: "undo to=2", unguardedPast: []string{"image=v1", "image=v2", "image=v3"}, guardedPast: []string{"image=v1", "image=v3"},
			unguarded: "image=v2", guarded: "image=v3", outcome: Pair[Outcome]{sent, silent}, want: UndoOfWhatNeverRan},
		"to the revision before the stable one": {command: "undo to=1", unguardedPast: []string{"image=v0", "image=v1", "image=v2"}, guardedPast: []string{"image=v0", "image=v1"},
			held: "image=v2", unguarded: "image=v0", guarded: "image=v1", outcome: Pair[Outcome]{sent, sent}, want: UndoReadAsWithdrawal},
		"to the stable revision": {command: "undo to=1", unguardedPast: []string{"image=v1", "image=v2"}, guardedPast: []string{"image=v1"},
			held: "image=v2", unguarded: "image=v1", guarded: "image=v1|image=v2", outcome: Pair[Outcome]{sent, Outcome{}}, want: ClientSentNothing},
		"to a revision that both have, but one stays": {command: "undo to=1", unguardedPast: []string{"image=v0", "image=v1"}, guardedPast: []string{"image=v0", "image=v1"},
			unguarded: "image=v0", guarded: "image=v1", outcome: Pair[Outcome]{sent, sent}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := sequence.Parse(tc.command)
			if err != nil {
				t.Fatal(err)
			}
			side := func(lines []string) Snapshot {
				s := state(t, lines[len(lines)-1])
				s.History = past(t, lines...)
				return s
			}
			s := Step{Command: c, Outcome: tc.outcome, Before: Pair[Snapshot]{side(tc.unguardedPast), side(tc.guardedPast)},
				After: Pair[Snapshot]{state(t, tc.unguarded), state(t, tc.guarded)}}
			if tc.held != "" {
				s.Before.Guarded.Record = &hold.Record{Template: state(t, tc.held).Stable()}
			}
			if got, _ := s.Explain(Difference{Aspect: Template}); got != tc.want {
				t.Errorf("explained by %q, want %q", got, tc.want)
			}
		})
	}
}
