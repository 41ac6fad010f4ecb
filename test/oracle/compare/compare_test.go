package compare

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/oracle/manifest"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// state is a Deployment with the settings of a line; what stands behind a bar is held.
func state(t *testing.T, line string) Snapshot {
	t.Helper()
	stable, held, isHeld := strings.Cut(line, "|")
	s := Snapshot{Object: object(t, stable)}
	if isHeld {
		s.Record = &hold.Record{Template: Snapshot{Object: object(t, held)}.Stable()}
	}
	return s
}

func object(t *testing.T, line string) map[string]any {
	t.Helper()
	words, err := sequence.ParseWords(strings.Fields(line))
	if err != nil {
		t.Fatal(err)
	}
	d, err := manifest.Render(words)
	if err != nil {
		t.Fatal(err)
	}
	child(d, "metadata")["uid"] = "1"
	return d
}

// child is an object below another, made where it is not there.
func child(o map[string]any, path ...string) map[string]any {
	for _, key := range path {
		if _, ok := o[key].(map[string]any); !ok {
			o[key] = map[string]any{}
		}
		o, _ = o[key].(map[string]any)
	}
	return o
}

func TestCompareAfterACommand(t *testing.T) {
	failed, warned := Outcome{Code: 1}, Outcome{Requests: []Request{{Warnings: []string{"passed without a canary: no pod is Ready"}}}}
	gaveUp := Outcome{Requests: []Request{{ContentType: applyPatch, Status: 200}, {ContentType: jsonPatch, Status: 409}}}
	for name, tc := range map[string]struct {
		verb                       sequence.Verb
		before, unguarded, guarded string
		outcome                    Pair[Outcome]
		change                     func(*Step)
		want                       Aspect
	}{
		"what is held is what was asked for":                   {before: "image=v1", unguarded: "image=v2", guarded: "image=v1|image=v2"},
		"what the API defaults does not count in what is held": {before: "image=v1", unguarded: "image=v2 dns=ClusterFirst", guarded: "image=v1|image=v2"},
		"both may fail":                 {before: "image=v1", unguarded: "image=v1", guarded: "image=v1", outcome: Pair[Outcome]{failed, Outcome{Code: 3}}},
		"only the guarded one fails":    {before: "image=v1", unguarded: "image=v1", guarded: "image=v1", outcome: Pair[Outcome]{Guarded: failed}, want: ExitCode},
		"only the unguarded one fails":  {before: "image=v1", unguarded: "image=v1", guarded: "image=v1", outcome: Pair[Outcome]{Unguarded: failed}, want: ExitCode},
		"kubectl gave up on one side":   {before: "image=v1", unguarded: "image=v1", guarded: "image=v1", outcome: Pair[Outcome]{Unguarded: gaveUp}, want: Migration},
		"kubectl gave up on both":       {before: "image=v1", unguarded: "image=v1", guarded: "image=v1", outcome: Pair[Outcome]{gaveUp, gaveUp}},
		"another template is held":      {before: "image=v1", unguarded: "image=v2 env.A=1", guarded: "image=v1|image=v2", want: Template},
		"nothing is held":               {before: "image=v1", unguarded: "image=v2", guarded: "image=v1", want: Template},
		"too much is held":              {before: "image=v1", unguarded: "image=v1", guarded: "image=v1|image=v2", want: Template},
		"variables in another order":    {before: "image=v1", unguarded: "env.A=1 env.B=1", guarded: "image=v1|env.B=1 env.A=1", want: Template},
		"a restart was lost":            {before: "image=v1", unguarded: "annotation." + hold.RestartedAt + "=now", guarded: "", want: Template},
		"the stable one just changed":   {before: "image=v1", unguarded: "image=v2", guarded: "image=v2", want: Unguarded},
		"held but stable changed":       {before: "image=v1", unguarded: "image=v2", guarded: "image=v3|image=v2", want: Unguarded},
		"it passed with a warning":      {before: "image=v1", unguarded: "image=v2", guarded: "image=v2", outcome: Pair[Outcome]{Guarded: warned}},
		"a release changes it":          {verb: sequence.Release, before: "image=v1|image=v2", unguarded: "image=v2", guarded: "image=v2"},
		"a restart changes it":          {before: "image=v1", unguarded: "image=v1 annotation." + hold.RestartedAt + "=now", guarded: "image=v1 annotation." + hold.RestartedAt + "=now"},
		"a new Deployment is no change": {before: "image=v1", unguarded: "image=v2", guarded: "image=v2", change: func(s *Step) { child(s.After.Guarded.Object, "metadata")["uid"] = "2" }},
		"one is gone":                   {before: "image=v1", unguarded: "image=v1", guarded: "image=v1", change: func(s *Step) { s.After.Guarded = Snapshot{} }, want: Presence},
		"the record does not open":      {before: "image=v1", unguarded: "image=v1", guarded: "image=v1", change: func(s *Step) { s.After.Guarded.Broken = "forged" }, want: Record},
	} {
		t.Run(name, func(t *testing.T) {
			s := Step{Command: sequence.Command{Verb: tc.verb}, Outcome: tc.outcome, Before: Pair[Snapshot]{state(t, tc.before), state(t, tc.before)},
				After: Pair[Snapshot]{state(t, tc.unguarded), state(t, tc.guarded)}}
			if tc.change != nil {
				tc.change(&s)
			}
			if got := s.Compare(); got.Aspect != tc.want {
				t.Errorf("found %q, want %q:\n%s", got.Aspect, tc.want, got.Detail)
			}
		})
	}
}

func TestCompareInTheEnd(t *testing.T) {
	owned := func(o map[string]any, manager string, field string) {
		entries, _ := child(o, "metadata")["managedFields"].([]any)
		child(o, "metadata")["managedFields"] = append(entries, map[string]any{
			"manager": manager, "operation": "Update", "time": "then", "fieldsV1": map[string]any{"f:metadata": map[string]any{"f:annotations": map[string]any{field: map[string]any{}}}},
		})
	}
	const readText = `{"metadata":{"uid":"a","generation":1,"annotations":{}},"spec":{"replicas":1,"template":{"spec":{"containers":[{"image":"app:v1","name":"app"}]}}}}`
	for name, tc := range map[string]struct {
		plant func(guarded map[string]any)
		want  Aspect
	}{
		"nothing":                          {func(map[string]any) {}, ""},
		"replicas":                         {func(o map[string]any) { child(o, "spec")["replicas"] = int64(2) }, Spec},
		"a default too many":               {func(o map[string]any) { child(o, "spec", "template", "spec")["dnsPolicy"] = "ClusterFirst" }, Spec},
		"a label":                          {func(o map[string]any) { child(o, "metadata", "labels")["a"] = "b" }, Labels},
		"an annotation":                    {func(o map[string]any) { child(o, "metadata", "annotations")["a"] = "b" }, Annotations},
		"Holdfast's annotation":            {func(o map[string]any) { child(o, "metadata", "annotations")[v1alpha1.StableAnnotation] = "b" }, ""},
		"the revision":                     {func(o map[string]any) { child(o, "metadata", "annotations")[revision] = "7" }, ""},
		"a blank in what was last applied": {func(o map[string]any) { child(o, "metadata", "annotations")[lastApplied] = "{} " }, LastApplied},
		"a text that was read is applied": {func(o map[string]any) {
			child(o, "metadata", "annotations")[lastApplied] = strings.Replace(readText, `{"uid":"a","generation":1,"annotations":{}}`, `{"uid":"b","generation":2,"annotations":{"holdfast.dev/stable":"x"}},"status":{"replicas":1}`, 1)
		}, ""},
		"another text that was read": {func(o map[string]any) {
			child(o, "metadata", "annotations")[lastApplied] = strings.Replace(readText, `"replicas":1`, `"replicas":2`, 1)
		}, LastApplied},
		"a text that was read, with what is filled in": {func(o map[string]any) {
			child(o, "metadata", "annotations")[lastApplied] = strings.Replace(readText, `"name":"app"`, `"name":"app","terminationMessagePath":"/dev/termination-log"`, 1)
		}, ""},
		"a text that was read, with another image": {func(o map[string]any) {
			child(o, "metadata", "annotations")[lastApplied] = strings.Replace(readText, "app:v1", "app:v2", 1)
		}, LastApplied},
		"an owner":                      {func(o map[string]any) { owned(o, "kubectl-edit", "f:a") }, Ownership},
		"an owner of Holdfast's fields": {func(o map[string]any) { owned(o, "kubectl-edit", "f:"+v1alpha1.HeldAnnotation) }, ""},
		"a controller":                  {func(o map[string]any) { owned(o, "kube-controller-manager", "f:a") }, ""},
		"what cannot be seen":           {func(o map[string]any) { child(o, "metadata")["resourceVersion"] = "7" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			states := Pair[Snapshot]{state(t, "image=v1"), state(t, "image=v1")}
			for _, o := range []map[string]any{states.Unguarded.Object, states.Guarded.Object} {
				child(o, "metadata", "annotations")[lastApplied] = "{}"
			}
			if strings.Contains(name, "text that was read") {
				child(states.Unguarded.Object, "metadata", "annotations")[lastApplied] = readText
			}
			tc.plant(states.Guarded.Object)
			if got := Final(states); got.Aspect != tc.want {
				t.Errorf("found %q, want %q:\n%s", got.Aspect, tc.want, got.Detail)
			}
		})
	}
}

func TestNamesStandForWhatCannotBeTheSame(t *testing.T) {
	sides := Pair[*Normal]{&Normal{Namespace: "oracle-a"}, &Normal{Namespace: "oracle-b"}}
	seen := func(n *Normal, time string) Snapshot {
		raw := state(t, "meta-annotation.from="+n.Namespace+" annotation."+hold.RestartedAt+"="+time)
		n.Learn(4, raw.Stable())
		raw.History = []Revision{{Number: 1, Template: state(t, "label.pod-template-hash=x annotation."+hold.RestartedAt+"="+time).Stable()}}
		return n.Snapshot(raw)
	}
	a, b := seen(sides.Unguarded, "12:00:01"), seen(sides.Guarded, "12:00:02")
	if d := Final(Pair[Snapshot]{a, b}); d.Found() {
		t.Errorf("they differ in %s:\n%s", d.Aspect, d.Detail)
	}
	if a.RevisionOf(b.Stable()) != 1 {
		t.Error("the revision of the template is not found")
	}
	if restart(a.Stable()) != "restarted by command 5" {
		t.Errorf("the restart is called %q", restart(a.Stable()))
	}
}

func TestDiffIsEmptyOnlyForWhatIsEqual(t *testing.T) {
	for name, tc := range map[string]struct{ a, b any }{
		"another value": {map[string]any{"a": "b"}, map[string]any{"a": "c"}},
		"more":          {map[string]any{}, map[string]any{"a": "c"}},
		"less":          {map[string]any{"a": []any{"b"}}, map[string]any{"a": []any{}}},
		"another order": {[]any{map[string]any{"name": "a"}, map[string]any{"name": "b"}}, []any{map[string]any{"name": "b"}, map[string]any{"name": "a"}}},
		"an empty one":  {map[string]any{"a": map[string]any{}}, map[string]any{}},
		"nothing":       {nil, map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			if Diff(tc.a, tc.b) == "" || Diff(tc.a, tc.a) != "" {
				t.Errorf("says %q, and of the first and itself %q", Diff(tc.a, tc.b), Diff(tc.a, tc.a))
			}
		})
	}
}
