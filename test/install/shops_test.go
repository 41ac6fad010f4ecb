package install

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// guards are the namespaces that the stories are about, each named like what it is annotated with.
var guards = []string{v1alpha1.CanaryEnabled, v1alpha1.CanaryRequired}

// openShops makes guarded namespaces, in each of which two Deployments run v1.
func (s *site) openShops() {
	s.t.Helper()
	for _, guard := range guards {
		s.kubectl("create", "namespace", guard)
		for _, name := range []string{"web", "busy"} {
			s.kubectl("create", "deployment", name, "--image=holdfast.test/app:v1", "-n", guard)
		}
		for _, name := range []string{"web", "busy"} {
			s.kubectl("rollout", "status", "deployment/"+name, "-n", guard, "--timeout="+patience.String())
		}
		s.kubectl("annotate", "namespace", guard, "holdfast.dev/canary="+guard)
	}
	s.awaitGuarded()
}

// awaitGuarded waits until API servers ask Holdfast about both namespaces.
func (s *site) awaitGuarded() {
	s.t.Helper()
	for _, guard := range guards {
		s.eventually(guard+" is guarded", func() bool {
			return refuses(s.cluster.Kubectl(s.t.Context(), "", "annotate", "deployment/web", "-n", guard, "holdfast.dev/period=soon", "--dry-run=server"))
		})
	}
}

// hold asks for a version in each namespace, and returns the IDs of the holds: of new ones, or of
// those that have it already.
func (s *site) hold(version string) map[string]string {
	s.t.Helper()
	out := map[string]string{}
	for _, guard := range guards {
		said := s.kubectl("set", "image", "deployment/web", "app=holdfast.test/app:"+version, "-n", guard)
		if !strings.Contains(said, "update held") && !strings.Contains(said, "update is held already") {
			s.t.Fatalf("in %s the update is not held: %s", guard, said)
		}
		run := s.kubectl("get", "canaryruns", "-n", guard, "-o", "name", "-l", "holdfast.dev/deployment=web", "--sort-by=.metadata.creationTimestamp")
		out[guard] = s.heldID(guard)
		if run == "" || out[guard] == "" {
			s.eventually("there is a run in "+guard, func() bool {
				return s.kubectl("get", "canaryruns", "-n", guard, "-o", "name") != ""
			})
		}
		s.eventually("the canary runs in "+guard, func() bool {
			return s.kubectl("get", "pods", "-n", guard, "-l", "holdfast.dev/role=canary", "--field-selector=status.phase=Running", "-o", "name") != ""
		})
	}
	return out
}

// promote has what is held in each namespace released, and wants that version to run.
func (s *site) promote(version string) {
	s.t.Helper()
	for _, guard := range guards {
		run := s.kubectl("get", "canaryruns", "-n", guard, "-o", fmt.Sprintf(`jsonpath={.items[?(@.spec.hold==%q)].metadata.name}`, s.heldID(guard)))
		s.kubectl("patch", "canaryrun", run, "-n", guard, "--type=merge", "-p", `{"spec":{"decision":"Promote"}}`)
		s.kubectl("wait", "canaryrun", run, "-n", guard, "--for=jsonpath={.status.phase}=Released", "--timeout="+patience.String())
	}
	s.wantImages(version)
}

// heldID is the ID of the hold in a namespace, "" if nothing is held.
func (s *site) heldID(guard string) string {
	s.t.Helper()
	var d appsv1.Deployment
	if err := s.client.Get(s.t.Context(), client.ObjectKey{Namespace: guard, Name: "web"}, &d); err != nil {
		s.t.Fatal(err)
	}
	var record struct{ ID string }
	_ = json.Unmarshal([]byte(d.Annotations[v1alpha1.HeldAnnotation]), &record) // none
	return record.ID
}

// wantImages: this is what runs in both namespaces.
func (s *site) wantImages(version string) {
	s.t.Helper()
	for _, guard := range guards {
		s.want("holdfast.test/app:"+version, "get", "deployment/web", "-n", guard, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	}
}

// load sends templates to the Deployments "busy" until it is stopped. Each request must succeed.
type load struct {
	stop    context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	sent    int
	ungated int
	failed  []string
}

func (s *site) startLoad() *load {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	l := &load{stop: cancel}
	s.t.Cleanup(func() { l.stop(); l.running.Wait() })
	for _, guard := range guards {
		l.running.Go(func() {
			for n := 2; ctx.Err() == nil; n++ {
				l.note(send(context.WithoutCancel(ctx), s.client, guard, n)) // what was sent is answered
			}
		})
	}
	return l
}

// send asks for a version of "busy", and says whether it was held.
func send(ctx context.Context, c client.Client, guard string, n int) (held bool, err error) {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: guard, Name: "busy"}}
	patch := fmt.Sprintf(`{"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "holdfast.test/app:v%d"}]}}}}`, n)
	err = c.Patch(ctx, d, client.RawPatch(types.StrategicMergePatchType, []byte(patch)), client.FieldOwner("load"))
	return d.Annotations[v1alpha1.HeldAnnotation] != "", err
}

func (l *load) note(held bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	switch {
	case err != nil:
		l.failed = append(l.failed, err.Error())
	case !held:
		l.ungated++
	}
}

// end stops the load and returns how many templates were sent, passed ungated, and what failed.
func (l *load) end() (sent, ungated int, failed []string) {
	l.stop()
	l.running.Wait()
	return l.sent, l.ungated, l.failed
}
