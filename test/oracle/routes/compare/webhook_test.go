package compare_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/route"
	"holdfast.dev/holdfast/test/oracle/routes/compare"
	"holdfast.dev/holdfast/test/oracle/routes/generate"
	"holdfast.dev/holdfast/test/oracle/routes/httproute"
	"holdfast.dev/holdfast/test/oracle/sequence"
	webhook "holdfast.dev/holdfast/webhook/route"
)

var key = hold.Key(strings.Repeat("k", hold.KeySize))

// world plays sequences without a cluster: the webhook is the real one, and of the API server it has what the
// rules of a route need. What clients compute, and who owns what, is played on a cluster only.
type world struct {
	*testing.T
	twin, laid compare.Object
	runs       int
	canary     string // of the run that is on
	share      int
	kept       compare.Pair[compare.Object]
	explained  compare.Explanation // of the difference that ended the sequence
}

// TestInMemoryARouteIsWhatItsUserAskedFor through thousands of sequences.
func TestInMemoryARouteIsWhatItsUserAskedFor(t *testing.T) {
	const sequences = 500
	under := 0
	for seed := range uint64(sequences) {
		under += (&world{T: t}).sequence(generate.Sequence(seed))
	}
	if under < sequences {
		t.Errorf("%d commands were given while a share was on the route", under)
	}
}

// sequence plays one to its end, or to the first difference, and says how many of its commands were given
// while a share was on the route.
func (w *world) sequence(s sequence.Sequence) (under int) {
	w.Helper()
	for i, c := range s.Commands {
		if w.overlaid() != nil {
			under++
		}
		step := w.play(c)
		if w.overlaid() == nil {
			w.lay() // the evaluator looks again
		}
		step.After = w.views()
		d := compare.Compare(step.After)
		said := step.Explain(compare.Difference{Aspect: compare.Spec})
		if w.canary != "" && w.overlaid() == nil && httproute.Reaches(w.twin) && said == "" {
			d = compare.Difference{Aspect: compare.Unlaid}
		}
		if !d.Found() {
			continue
		}
		if w.explained = step.Explain(d); w.explained == "" {
			text, _ := s.Encode()
			w.Errorf("%s after command %d of\n%s%s\ntwin: %v\nroute: %v", d.Aspect, i+1, text, d.Detail, httproute.Rules(w.twin), httproute.Rules(w.laid))
		}
		return under
	}
	if w.laid != nil && w.canary != "" {
		w.end()
		if d := compare.Compare(w.views()); d.Found() || w.overlaid() != nil {
			w.Errorf("seed %d, in the end: %s", s.Seed, d.Detail)
		}
	}
	return under
}

func (w *world) overlaid() *route.Record { return w.view(w.laid).Record }

func (w *world) view(o compare.Object) compare.View {
	out := compare.View{Object: o, Namespace: "played"}
	if o == nil {
		return out
	}
	meta, _ := o["metadata"].(compare.Object)
	annotations, _ := meta["annotations"].(compare.Object)
	if encoded, has := annotations[v1alpha1.OverlayAnnotation].(string); has {
		record, err := route.Open(key, encoded, "u")
		if err != nil {
			out.Broken = err.Error()
		} else {
			out.Record = &record
		}
	}
	return out
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) views() compare.Pair[compare.View] {
	return compare.Pair[compare.View]{Twin: w.view(w.twin), Laid: w.view(w.laid)}
}

// stored is a route as the API server has it: with its defaults.
func (w *world) stored(o compare.Object) compare.Object {
	w.Helper()
	text, err := json.Marshal(o)
	w.must(err)
	out, err := httproute.Decode(text)
	w.must(err)
	meta, _ := out["metadata"].(compare.Object)
	meta["uid"] = "u"
	for _, rule := range httproute.Rules(out) {
		for _, b := range httproute.Backends(rule) {
			backend, _ := b.(compare.Object)
			for field, value := range map[string]any{"group": "", "kind": "Service", "weight": int64(1)} {
				if _, has := backend[field]; !has {
					backend[field] = value
				}
			}
		}
	}
	return out
}

// admit is what is stored of a route that somebody sends.
func (w *world) admit(user, manager string, before, sent compare.Object) compare.Object {
	w.Helper()
	encode := func(v any) kruntime.RawExtension {
		data, err := json.Marshal(v)
		w.must(err)
		return kruntime.RawExtension{Raw: data}
	}
	if w.view(before).Record == nil && w.view(sent).Record == nil && w.view(sent).Broken == "" {
		return sent // the webhook is not asked
	}
	req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Kind: metav1.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}, Namespace: "played",
		Operation: admissionv1.Create, UserInfo: authenticationv1.UserInfo{Username: user}, Object: encode(sent), Options: encode(metav1.UpdateOptions{FieldManager: manager}),
	}}
	if before != nil {
		req.Operation, req.OldObject = admissionv1.Update, encode(before)
	}
	resp := (&webhook.Handler{Key: key, Evaluator: "evaluator"}).Handle(context.Background(), req)
	w.must(resp.Complete(req))
	out := req.Object.Raw
	if len(resp.Patch) > 0 {
		p, err := jsonpatch.DecodePatch(resp.Patch)
		w.must(err)
		out, err = p.Apply(out)
		w.must(err)
	}
	o, err := httproute.Decode(out)
	w.must(err)
	return o
}

// play gives a command to both, and tells what explains differences: its words, and both before it.
func (w *world) play(c sequence.Command) compare.Step {
	w.Helper()
	step := compare.Step{Command: c, Before: w.views()}
	switch c.Verb {
	case sequence.Begin:
		if httproute.Reaches(w.twin) {
			w.runs++
			w.canary, w.share = fmt.Sprintf("web-canary-%08d", w.runs), 0
			w.lay()
		}
	case sequence.Next:
		if w.canary != "" && w.share+1 < len(generate.Shares) {
			w.share++
			w.lay()
		}
	case sequence.End:
		w.end()
	case sequence.Keep:
		w.kept = compare.Pair[compare.Object]{Twin: w.twin, Laid: w.laid}
	case sequence.Resend:
		if w.kept.Twin != nil {
			step.Words = w.change(c, w.kept)
		}
	case sequence.Edit, sequence.RereadReplace, sequence.RereadApply, sequence.RereadServer:
		if w.twin != nil {
			step.Words = w.change(c, compare.Pair[compare.Object]{Twin: w.twin, Laid: w.laid})
		}
	case sequence.PatchJSON:
		step.Words = w.patch(c)
	case sequence.PatchMerge, sequence.Label, sequence.Annotate:
		w.merge(c)
	case sequence.Recreate:
		w.twin, w.laid = nil, nil
		w.whole(c)
		w.lay()
	default:
		w.whole(c)
	}
	return step
}

func (w *world) send(manager string, twin, laid compare.Object) {
	w.Helper()
	w.twin, w.laid = w.stored(twin), w.admit("joe", manager, w.laid, w.stored(laid))
}

// whole sends a manifest, or a part of one.
func (w *world) whole(c sequence.Command) {
	w.Helper()
	if c.Option(sequence.Part) == sequence.Yes {
		w.merge(c)
		return
	}
	o, err := httproute.Render(c.Settings(), false)
	w.must(err)
	laid := w.stored(o)
	if record := w.recordText(); record != "" && c.Verb != sequence.Replace { // who applies does not speak of it
		meta, _ := laid["metadata"].(compare.Object)
		annotations, is := meta["annotations"].(compare.Object)
		if !is {
			annotations = compare.Object{}
		}
		annotations[v1alpha1.OverlayAnnotation] = record
		meta["annotations"] = annotations
	}
	w.send("kubectl", o, laid)
}

func (w *world) recordText() string {
	meta, _ := w.laid["metadata"].(compare.Object)
	annotations, _ := meta["annotations"].(compare.Object)
	text, _ := annotations[v1alpha1.OverlayAnnotation].(string)
	return text
}

func (w *world) merge(c sequence.Command) {
	w.Helper()
	patch, err := httproute.Merge(c.Settings())
	w.must(err)
	apply := func(o compare.Object) compare.Object {
		before, err := json.Marshal(o)
		w.must(err)
		after, err := jsonpatch.MergePatch(before, patch)
		w.must(err)
		out, err := httproute.Decode(after)
		w.must(err)
		return out
	}
	w.send("kubectl-patch", apply(w.twin), apply(w.laid))
}

func (w *world) patch(c sequence.Command) []sequence.Word {
	w.Helper()
	words, err := httproute.Resolve(c.Settings(), w.twin)
	w.must(err)
	if len(words) == 0 {
		return nil
	}
	text, err := httproute.JSON(words)
	w.must(err)
	patch, err := jsonpatch.DecodePatch(text)
	w.must(err)
	apply := func(o compare.Object) compare.Object {
		before, err := json.Marshal(o)
		w.must(err)
		after, err := patch.Apply(before)
		w.must(err)
		out, err := httproute.Decode(after)
		w.must(err)
		return out
	}
	w.send("kubectl-patch", apply(w.twin), apply(w.laid))
	return words
}

// change sends a text that was read, with changes.
func (w *world) change(c sequence.Command, texts compare.Pair[compare.Object]) []sequence.Word {
	w.Helper()
	words, err := httproute.Resolve(c.Settings(), texts.Twin)
	w.must(err)
	seen, kept := httproute.AsSeen(words, texts.Laid)
	apply := func(o compare.Object, words []sequence.Word) compare.Object {
		out := w.stored(o)
		w.must(httproute.Change(out, words...))
		return out
	}
	w.send("kubectl-edit", apply(texts.Twin, append(seen, kept...)), apply(texts.Laid, words))
	return words
}

// lay lays the share of the run over the route, as the evaluator does.
func (w *world) lay() {
	w.Helper()
	if w.canary == "" || w.laid == nil || !httproute.Reaches(w.twin) {
		return
	}
	w.write(func(d route.Dialect, user []any) ([]any, string) {
		o := route.Overlay{Namespace: "played", Service: "web", Canary: w.canary, Percent: generate.Shares[w.share]}
		laid, err := d.Lay(o, user)
		w.must(err)
		record, err := route.Seal(key, route.Record{UID: "u", Run: "r", Service: o.Service, Canary: o.Canary, Percent: o.Percent, Rules: user})
		w.must(err)
		return laid, record
	})
}

func (w *world) end() {
	w.Helper()
	if w.canary != "" && w.overlaid() != nil {
		w.write(func(_ route.Dialect, user []any) ([]any, string) { return user, "" })
	}
	w.canary = ""
}

func (w *world) write(do func(d route.Dialect, user []any) ([]any, string)) {
	w.Helper()
	d, _ := route.DialectOf("gateway.networking.k8s.io", "HTTPRoute")
	user := d.RulesOf(w.laid)
	if record := w.overlaid(); record != nil {
		standing, err := d.StandingOn("played", *record, user)
		w.must(err)
		user = standing.User
	}
	rules, record := do(d, user)
	after := w.stored(w.laid)
	spec, _ := after["spec"].(compare.Object)
	meta, _ := after["metadata"].(compare.Object)
	spec["rules"] = rules
	annotations, is := meta["annotations"].(compare.Object)
	if !is {
		annotations = compare.Object{}
	}
	delete(annotations, v1alpha1.OverlayAnnotation)
	if record != "" {
		annotations[v1alpha1.OverlayAnnotation] = record
	}
	meta["annotations"] = annotations
	if len(annotations) == 0 {
		delete(meta, "annotations")
	}
	w.laid = w.admit("evaluator", "holdfast", w.laid, after)
}
