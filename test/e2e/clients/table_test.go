package clients

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// The shapes that the table speaks of. The stable template is v1; what is held
// is v2 with a variable more.
var (
	v1        = shape{version: "v1", label: "a"}
	v2        = shape{version: "v2", env: []string{"A"}, label: "a"}
	v3        = shape{version: "v3", label: "a"}
	v3WithA   = shape{version: "v3", env: []string{"A"}, label: "a"}
	v2Labeled = shape{version: "v2", env: []string{"A"}, label: "b"}
)

// operation is a row of the table: what somebody does while v2 is held, and
// what the object must be then.
type operation struct {
	name string
	do   func(s *shop.Shop, k kind, name string) string
	// stable and held are what is to be there, held "" for nothing.
	stable, held string
	// outcome is the word for it in the table.
	outcome string
	// byChanges is what clients that send changes get, "" for the same. They
	// cannot ask for what the object in the cluster says already.
	byChanges *result
}

type result struct{ stable, held, outcome string }

var operations = []operation{
	{name: "asks for the held template again", stable: "v1", held: "v2 A", outcome: "nothing changes, not even a timestamp",
		do: func(s *shop.Shop, k kind, name string) string {
			before := stateOf(s, name)
			said := k.ask(s, name, v2, v2)
			if after := stateOf(s, name); after.version != before.version && !k.marks() || after.run != before.run {
				s.T.Errorf("the object changed from version %s to %s, the run from %s to %s", before.version, after.version, before.run, after.run)
			}
			return said
		}},
	{name: "asks for another template", stable: "v1", held: "v3 A", outcome: "it is held instead",
		do: func(s *shop.Shop, k kind, name string) string { return k.ask(s, name, v2, v3WithA) }},
	{name: "asks for another, with a field dropped", stable: "v1", held: "v3", outcome: "it is held instead, without the field",
		byChanges: &result{stable: "v1", held: "v3 A", outcome: "it is held instead, **with the field**: the stable template has none to remove"},
		do:        func(s *shop.Shop, k kind, name string) string { return k.ask(s, name, v2, v3) }},
	{name: "asks for the stable template", stable: "v1", held: "", outcome: "the held update is withdrawn",
		byChanges: &result{stable: "v1", held: "v2 A", outcome: "**nothing is sent**, or nothing that changes anything: withdraw by hand"},
		do:        func(s *shop.Shop, k kind, name string) string { return k.ask(s, name, v2, v1) }},
	{name: "changes a label only", stable: "v1", held: "v2 A", outcome: "it passes, the held update stays",
		do: func(s *shop.Shop, k kind, name string) string {
			before := stateOf(s, name)
			said := k.ask(s, name, v2, v2Labeled)
			if after := stateOf(s, name); after.run != before.run || s.Deployment(name).Labels["note"] != "b" {
				s.T.Errorf("run %s became %s, the label is %q", before.run, after.run, s.Deployment(name).Labels["note"])
			}
			return said
		}},
	{name: "asks again after somebody ran `kubectl set env B=x`", stable: "v1", held: "v2 A B", outcome: "both stay held",
		do: func(s *shop.Shop, k kind, name string) string {
			s.Must("set", "env", "deployment/"+name, "B=x")
			if k.name == "kubectl replace" { // it replaces what others did, as ever
				return s.Must("label", "deployment", name, "other=x")
			}
			return k.ask(s, name, v2, v2)
		}},
	{name: "asks again after the release", stable: "v2 A", held: "", outcome: "nothing changes, no conflict",
		do: func(s *shop.Shop, k kind, name string) string {
			release(s, name)
			shop.Await(s, name+" has rolled out", name, &appsv1.Deployment{}, shop.RolledOut)
			before := stateOf(s, name)
			said := k.ask(s, name, v2, v2)
			if after := stateOf(s, name); after.version != before.version && !k.marks() {
				s.T.Errorf("the object changed from version %s to %s", before.version, after.version)
			}
			return said
		}},
	{name: "drops the field after the release", stable: "v2 A", held: "v3", outcome: "held without the field",
		do: func(s *shop.Shop, k kind, name string) string {
			release(s, name)
			shop.Await(s, name+" has rolled out", name, &appsv1.Deployment{}, shop.RolledOut)
			return k.ask(s, name, v2, v3)
		}},
	{name: "asks again after the revert", stable: "v1", held: "", outcome: "nothing is tried, with a warning that says how to retry",
		do: func(s *shop.Shop, k kind, name string) string {
			revert(s, name)
			said := k.ask(s, name, v2, v2)
			if !k.changes && !strings.Contains(said, "not tried again") {
				s.T.Errorf("the client says:\n%s", said)
			}
			return said
		}},
	{name: "asks for another after the revert", stable: "v1", held: "v3", outcome: "held, without what the rejected one added",
		do: func(s *shop.Shop, k kind, name string) string {
			revert(s, name)
			return k.ask(s, name, v2, v3)
		}},
	{name: "somebody runs `kubectl scale`", stable: "v1", held: "v2 A", outcome: "it passes, the held update stays",
		do: func(s *shop.Shop, _ kind, name string) string {
			return s.Must("scale", "deployment", name, "--replicas=2")
		}},
	{name: "somebody runs `kubectl rollout restart`", stable: "v1", held: "v2 A", outcome: "the stable pods restart, the held update stays",
		do: func(s *shop.Shop, _ kind, name string) string {
			before := stateOf(s, name)
			said := s.Must("rollout", "restart", "deployment/"+name)
			if after := stateOf(s, name); after.run != before.run {
				s.T.Errorf("run %s became %s", before.run, after.run)
			}
			return said
		}},
	{name: "somebody runs `kubectl annotate deployment NAME holdfast.dev/held-`", stable: "v1", held: "", outcome: "the held update is withdrawn",
		do: func(s *shop.Shop, _ kind, name string) string {
			return s.Must("annotate", "deployment", name, v1alpha1.HeldAnnotation+"-")
		}},
}

// TestClients holds v2 by every client and then does every operation: the table
// of docs/reference/clients.md, cell by cell. The other managers' labels and the
// whole of the rest is the oracle's.
func TestClients(t *testing.T) {
	t.Parallel()
	for _, version := range []int{3, 4} {
		if err := shop.World.Cluster.ProvideHelm(t.Context(), version, os.Stderr); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := openForClients(t)
			for i, op := range operations {
				t.Run(op.name, func(t *testing.T) {
					op.run(&shop.Shop{T: t, Namespace: s.Namespace}, k, fmt.Sprintf("web-%d", i))
				})
			}
		})
	}
}

// openForClients opens a namespace in which nothing is tried, so that what is
// held stays held until the test says otherwise.
func openForClients(t *testing.T) *shop.Shop {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "clients-", Annotations: map[string]string{
		v1alpha1.CanaryAnnotation: v1alpha1.CanaryRequired, v1alpha1.PlanAnnotation: "none-such",
	}}}
	if err := shop.World.Client.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	s := &shop.Shop{T: t, Namespace: ns.Name}
	t.Cleanup(s.Close)
	s.AwaitGuarded()
	return s
}

func (op operation) run(s *shop.Shop, k kind, name string) {
	s.T.Helper()
	if k.make != nil {
		k.make(s, name, v1)
	} else {
		s.Must("apply", "-f", "-", v1.manifest(name))
	}
	shop.Await(s, name+" has rolled out", name, &appsv1.Deployment{}, shop.RolledOut)
	said := k.ask(s, name, v1, v2)
	if got := stateOf(s, name); got.stable != "v1" || got.held != "v2 A" {
		s.T.Fatalf("before it, %q is held on %q; the client says:\n%s", got.held, got.stable, said)
	}
	// kubectl replace sends the resourceVersion that it has just read, and conflicts with the controller,
	// guarded or not.
	shop.Await(s, "the controller has seen it", name, &appsv1.Deployment{}, func(d *appsv1.Deployment) bool { return d.Status.UpdatedReplicas == 0 })
	want := result{stable: op.stable, held: op.held}
	if k.changes && op.byChanges != nil {
		want = *op.byChanges
	}
	said = op.do(s, k, name)
	if got := stateOf(s, name); got.stable != want.stable || got.held != want.held {
		s.T.Errorf("%q is held on %q, want %q on %q; the client says:\n%s", got.held, got.stable, want.held, want.stable, said)
	}
}

var updateDocs = flag.Bool("update", false, "write docs/reference/clients.md anew")

// TestClientsAreDocumented: the page says what the table above does.
func TestClientsAreDocumented(t *testing.T) {
	const page = "../../../docs/reference/clients.md"
	want := clientsPage()
	if *updateDocs {
		if err := os.WriteFile(page, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is out of date; go test ./e2e/clients -run TestClientsAreDocumented -update writes it anew:\n%s", page, diff)
	}
}

func clientsPage() []byte {
	var page bytes.Buffer
	page.WriteString(`<!-- Written by test/e2e/clients (TestClientsAreDocumented -update), which tests every cell. -->

# Clients while an update is held

The Deployment runs v1; v2, with a variable more, is held by the client. Then:

| | manifests: `)
	var manifests, changes []string
	for _, k := range kinds {
		if k.changes {
			changes = append(changes, k.name)
		} else {
			manifests = append(manifests, k.name)
		}
	}
	fmt.Fprintf(&page, "%s | changes: %s |\n|---|---|---|\n", strings.Join(manifests, ", "), strings.Join(changes, ", "))
	for _, op := range operations {
		other := op.outcome
		if op.byChanges != nil {
			other = op.byChanges.outcome
		}
		fmt.Fprintf(&page, "| %s | %s | %s |\n", op.name, op.outcome, other)
	}
	page.WriteString(`
Clients that send a change compute it on the object in the cluster, which has the stable template. What changes nothing
there is not sent, or cannot be seen; ` + "`kubectl annotate deployment NAME holdfast.dev/held-`" + ` withdraws what is held.
Argo CD and Flux are in [their](../how-to/argo-cd.md) [how-tos](../how-to/flux.md); random sequences of all of these are compared with an unguarded
namespace by [the oracle](../oracle.md).
`)
	return page.Bytes()
}
