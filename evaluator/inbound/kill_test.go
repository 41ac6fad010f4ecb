package inbound

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// ward is a namespace with pods to be killed.
type ward struct {
	*Killer
	t       *testing.T
	api     client.Client
	evicted []string
	refuse  error // of evictions
	told    []string
	clock   *testclock.FakeClock
}

// Eventf implements events.EventRecorder.
func (w *ward) Eventf(about, _ runtime.Object, kind, reason, _, format string, args ...any) {
	w.told = append(w.told, kind+" "+reason+": "+fmt.Sprintf(format, args...))
	if pod, ok := about.(*corev1.Pod); !ok || pod.Name == "" {
		w.t.Errorf("an event is about %T", about)
	}
}

func controller(kind, name string, uid types.UID) []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, UID: uid, Controller: new(true)}}
}

func pod(name string, owners []metav1.OwnerReference) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: name, UID: types.UID("uid-" + name), OwnerReferences: owners, CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour)),
	}}
}

func newWard(t *testing.T, annotations map[string]string) *ward {
	t.Helper()
	web := controller("ReplicaSet", "web-1", "rs-1")
	w := &ward{t: t, clock: testclock.NewFakeClock(noon)}
	w.api = fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Annotations: annotations}},
		&appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", UID: "rs-1", OwnerReferences: controller("Deployment", "web", "web")}},
		&appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-2", UID: "rs-2", OwnerReferences: controller("Deployment", "web", "web")}},
		pod("web-1-a", web), pod("web-1-b", web), pod("web-2-a", controller("ReplicaSet", "web-2", "rs-2")), pod("db-0", controller("StatefulSet", "db", "db")),
		pod("alone", nil), pod("static", controller("Node", "node-1", "node-1")), pod("orphan", controller("ReplicaSet", "gone", "rs-9")),
	).WithInterceptorFuncs(interceptor.Funcs{
		SubResourceCreate: func(_ context.Context, _ client.Client, resource string, o client.Object, body client.Object, _ ...client.SubResourceCreateOption) error {
			if resource != "eviction" {
				t.Errorf("%s of %s was asked for", resource, o.GetName())
			}
			if w.refuse == nil {
				w.evicted = append(w.evicted, body.GetName())
			}
			return w.refuse
		},
	}).Build()
	w.Killer = &Killer{
		Client: w.api, Live: w.api, Cached: w.api, Labels: query.Labels{Namespace: "namespace", Pod: "pod"}, Limit: KillLimit{1, 10 * time.Minute},
		Ledger:   &Ledger{Reader: w.api, Writer: w.api, Name: types.NamespacedName{Namespace: "holdfast-system", Name: "holdfast-kills"}},
		Recorder: w, Clock: w.clock, Metrics: NewMetrics(nil),
	}
	return w
}

func names(pods ...string) group {
	var g group
	for _, p := range pods {
		g.Alerts = append(g.Alerts, alert{Status: "firing", Labels: map[string]string{"alertname": "Stuck", "namespace": "shop", "pod": p}, StartsAt: noon.Add(-time.Minute)})
	}
	return g
}

func optedIn() map[string]string {
	return map[string]string{v1alpha1.KillAnnotation: v1alpha1.KillEnabled}
}

func TestWhatBecomesOfAPodThatAnAlertNames(t *testing.T) {
	budget := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
	resolved := names("db-0")
	resolved.Alerts[0].Status = "resolved"
	before := names("db-0")
	before.Alerts[0].StartsAt = noon.Add(-2 * time.Hour)
	for name, tc := range map[string]struct {
		annotations map[string]string
		group       group
		dryRun      bool
		refuse      error
		outcome     outcome
		again       bool
		told        string
	}{
		"it is evicted":                          {optedIn(), names("db-0"), false, nil, outcomeKilled, false, "Normal KilledForAlert: pod db-0 is evicted, for alert Stuck fires"},
		"the pod of a Deployment":                {optedIn(), names("web-1-a"), false, nil, outcomeKilled, false, "Normal KilledForAlert"},
		"two alerts name it":                     {optedIn(), names("db-0", "db-0"), false, nil, outcomeKilled, false, "Normal KilledForAlert"},
		"a dry run":                              {optedIn(), names("db-0"), true, nil, outcomeDryRun, false, "would be evicted"},
		"the alert is over":                      {optedIn(), resolved, false, nil, "", false, ""},
		"it began after the alert":               {optedIn(), before, false, nil, outcomeGone, false, ""},
		"there is none":                          {optedIn(), names("db-1"), false, nil, outcomeGone, false, ""},
		"its namespace does not ask for it":      {nil, names("db-0"), false, nil, outcomeNotOptedIn, false, ""},
		"its namespace says something else":      {map[string]string{v1alpha1.KillAnnotation: "yes"}, names("db-0"), false, nil, outcomeNotOptedIn, false, ""},
		"it has no controller":                   {optedIn(), names("alone"), false, nil, outcomeNoController, false, "no controller would make another"},
		"a node runs it by itself":               {optedIn(), names("static"), false, nil, outcomeNoController, false, "no controller"},
		"its ReplicaSet is gone":                 {optedIn(), names("orphan"), false, nil, outcomeNoController, false, "no controller"},
		"a budget does not allow it":             {optedIn(), names("db-0"), false, budget, outcomeBudget, true, "Warning NotKilledForAlert"},
		"Holdfast may not":                       {optedIn(), names("db-0"), false, apierrors.NewForbidden(corev1.Resource("pods"), "db-0", nil), outcomeForbidden, false, "does not let Holdfast"},
		"it is another by now":                   {optedIn(), names("db-0"), false, apierrors.NewConflict(corev1.Resource("pods"), "db-0", nil), outcomeGone, false, ""},
		"the API server has an error of its own": {optedIn(), names("db-0"), false, apierrors.NewInternalError(context.DeadlineExceeded), "", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWard(t, tc.annotations)
			w.DryRun, w.refuse = tc.dryRun, tc.refuse
			if tc.outcome == outcomeNotOptedIn {
				w.Live = nil // of whose namespace nobody asked for it nothing is read
			}
			if err := w.take(t.Context(), tc.group); (err != nil) != tc.again {
				t.Errorf("it is to be sent again: %v", err)
			}
			if killed := tc.outcome == outcomeKilled; (len(w.evicted) == 1) != killed {
				t.Errorf("evicted: %v", w.evicted)
			}
			for _, o := range outcomes {
				want := 0.0
				if o == tc.outcome {
					want = 1
				}
				if n := testutil.ToFloat64(w.Metrics.kills.WithLabelValues(string(o))); n != want {
					t.Errorf("outcome %s is counted %v times, want %v", o, n, want)
				}
			}
			if told := strings.Join(w.told, "\n"); !strings.Contains(told, tc.told) || (tc.told == "") != (told == "") {
				t.Errorf("told: %q, want %q", told, tc.told)
			}
		})
	}
}

// The limit is that of a workload, whichever of its revisions and whichever replica of Holdfast it is.
func TestOfAWorkloadAsManyAsMayBe(t *testing.T) {
	w := newWard(t, optedIn())
	must := func(g group) {
		t.Helper()
		if err := w.take(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	must(names("web-1-a", "web-2-a", "db-0"))
	if got := strings.Join(w.evicted, " "); got != "web-1-a db-0" {
		t.Errorf("evicted: %s", got)
	}
	must(names("web-1-a")) // its alert is sent again, and it is there still
	if got := strings.Join(w.evicted, " "); got != "web-1-a db-0 web-1-a" {
		t.Errorf("evicted: %s", got)
	}
	w.clock.Step(10 * time.Minute)
	must(names("web-2-a"))
	if got := strings.Join(w.evicted, " "); got != "web-1-a db-0 web-1-a web-2-a" {
		t.Errorf("evicted, when the time is over: %s", got)
	}
}

// Whatever is asked for in whatever order, no workload ever loses more pods within the time.
func TestTheLimitIsKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	limit := KillLimit{Pods: 2, Time: time.Minute}
	k, now := kills{}, noon
	took := map[types.UID][]time.Time{}
	for i := range 5000 {
		now = now.Add(time.Duration(random.IntN(20)) * time.Second)
		of := types.UID(fmt.Sprint(random.IntN(3)))
		after, may := k.with(of, types.UID(fmt.Sprint(i)), limit, now)
		if k = after; !may {
			continue
		}
		took[of] = append(took[of], now)
		if n := len(took[of]); n > limit.Pods && now.Sub(took[of][n-1-limit.Pods]) < limit.Time {
			t.Fatalf("%d pods of one workload within %s", limit.Pods+1, now.Sub(took[of][n-1-limit.Pods]))
		}
		if some := len(k); some > 3 {
			t.Fatalf("%d workloads are remembered", some)
		}
	}
	if len(took) != 3 || len(took["0"]) < 100 {
		t.Errorf("hardly anything was allowed: %d", len(took["0"]))
	}
}
