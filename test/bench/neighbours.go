package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

const (
	// hogs is how many updates of one tenant are in flight at once, hogSize the bytes of
	// what a large one asks for.
	hogs    = 80
	hogSize = 1 << 20
)

// tenant is a user with nothing but a RoleBinding to the ClusterRole edit of a namespace.
type tenant struct {
	client    client.Client
	namespace string
}

func (b *bench) tenant(ctx context.Context, namespace string) (tenant, error) {
	user := "tenant-of-" + namespace
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "tenant"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "edit"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	if err := b.client.Create(ctx, binding); err != nil {
		return tenant{}, err
	}
	config, err := b.cluster.RESTConfig()
	if err != nil {
		return tenant{}, err
	}
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{}
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	c, err := client.New(config, client.Options{Scheme: clientgoscheme.Scheme})
	return tenant{c, namespace}, err
}

// update sends a strategic merge patch of the template, and says whether it was
// held: the template stayed as it was.
func (t tenant) update(ctx context.Context, image string, args []string) (held bool, err error) {
	container := map[string]any{"name": "app", "image": image}
	if args != nil {
		container["args"] = args
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}}})
	if err != nil {
		return false, err
	}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: "web"}}
	if err := t.client.Patch(ctx, d, client.RawPatch(types.StrategicMergePatchType, patch), client.FieldOwner("bench")); err != nil {
		return false, err
	}
	return d.Annotations[v1alpha1.HeldAnnotation] != "" && d.Spec.Template.Spec.Containers[0].Image != image, nil
}

// neighbours measures what the updates of one tenant cost another: small updates
// of a guarded Deployment, and of one that is not, alone and while another tenant
// keeps updates in flight, large or small. What it costs the one that is not guarded
// is the API server's part.
func (b *bench) neighbours(ctx context.Context, out io.Writer, n int) error {
	guard := func(mode string) map[string]string {
		return map[string]string{v1alpha1.CanaryAnnotation: mode, v1alpha1.PlanAnnotation: "none-such"}
	}
	var tenants [3]tenant
	// What there is no time for passes of the one, so that it shows, and is refused of the other,
	// so that etcd has no more to do than is held.
	for i, annotations := range []map[string]string{nil, guard(v1alpha1.CanaryEnabled), guard(v1alpha1.CanaryRequired)} {
		namespace, err := b.open(ctx, annotations)
		if err != nil {
			return err
		}
		if tenants[i], err = b.tenant(ctx, namespace); err != nil {
			return err
		}
	}
	unguarded, guarded, hog := tenants[0], tenants[1], tenants[2]
	for _, t := range []tenant{guarded, hog} {
		if err := awaitGuarded(ctx, t); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "| small updates of a tenant, in turn | how many | not guarded p50 | p99 | guarded p50 | p99 | ratio of p50 to alone, not guarded | guarded | of p99, not guarded | guarded | passed without a canary | those of the other tenant |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	alone, err := alternate(ctx, n, unguarded, guarded)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, row("alone", alone, alone, "-"))
	for _, flooded := range []struct {
		name string
		args []string
	}{
		// First, for what the large ones have held makes every request of the Deployment large.
		{fmt.Sprintf("beside %d small ones of another tenant", hogs), []string{}},
		{fmt.Sprintf("beside %d large ones", hogs), []string{strings.Repeat("x", hogSize)}},
	} {
		flood, stop := hog.flood(ctx, flooded.args)
		if err := flood.full(ctx); err != nil {
			return err
		}
		beside, err := alternate(ctx, n, unguarded, guarded)
		stop()
		if err != nil {
			return err
		}
		fmt.Fprintln(out, row(flooded.name, beside, alone, flood.String()))
	}
	return nil
}

// row is what updates of the one that is not guarded and of the one that is took.
func row(name string, took, alone []series, others string) string {
	cells := []string{name, fmt.Sprint(len(took[1].took))}
	var ratios []string
	for side := range took {
		cells = append(cells, ms(share(took[side].sorted(), 50)), ms(share(took[side].sorted(), 99)))
	}
	for _, percent := range []int{50, 99} {
		for side := range took {
			ratios = append(ratios, fmt.Sprintf("%.2f", float64(share(took[side].sorted(), percent))/float64(share(alone[side].sorted(), percent))))
		}
	}
	cells = append(append(cells, ratios...), fmt.Sprint(took[1].ungated), others)
	return "| " + strings.Join(cells, " | ") + " |"
}

// awaitGuarded waits until an update is held.
func awaitGuarded(ctx context.Context, t tenant) error {
	for i := 0; ; i++ {
		held, err := t.update(ctx, fmt.Sprintf("holdfast.test/app:await-%d", i), nil)
		if held || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// series are the updates of one tenant.
type series struct {
	took    []time.Duration
	ungated int
}

func (s series) sorted() []time.Duration { return sorted(slices.Clone(s.took)) }

var alternated atomic.Int64 // makes images that were not there before

// longest is how long one measurement of neighbours goes on.
const longest = time.Minute

// alternate sends n small updates of each tenant, in turn, or as many as there is time for.
func alternate(ctx context.Context, n int, tenants ...tenant) ([]series, error) {
	out := make([]series, len(tenants))
	end := time.Now().Add(longest)
	for i := 0; i < n && time.Now().Before(end); i++ {
		for side, t := range tenants {
			start := time.Now()
			held, err := t.update(ctx, fmt.Sprintf("holdfast.test/app:small-%d", alternated.Add(1)), nil)
			if err != nil {
				return nil, err
			}
			out[side].took = append(out[side].took, time.Since(start))
			if !held {
				out[side].ungated++
			}
		}
	}
	return out, nil
}

// flood counts what became of updates.
type flood struct {
	inFlight, held, passed, refused, failed atomic.Int64
	lastFailure                             atomic.Value
}

// flood keeps updates with these arguments of the container in flight until it is stopped.
func (t tenant) flood(ctx context.Context, args []string) (*flood, func()) {
	f := &flood{}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for c := range hogs {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				f.inFlight.Add(1)
				held, err := t.update(ctx, fmt.Sprintf("holdfast.test/app:flood-%d-%d-%d", c, i, alternated.Add(1)), args)
				f.inFlight.Add(-1)
				f.count(held, err)
			}
		})
	}
	return f, func() { cancel(); all.Wait() }
}

func (f *flood) count(held bool, err error) {
	switch {
	case errors.Is(err, context.Canceled):
	case apierrors.IsTooManyRequests(err) || apierrors.IsConflict(err):
		f.refused.Add(1)
	case err != nil:
		f.failed.Add(1)
		f.lastFailure.Store(err.Error())
	case held:
		f.held.Add(1)
	default:
		f.passed.Add(1)
	}
}

// full waits until all are in flight, and some time more.
func (f *flood) full(ctx context.Context) error {
	for f.inFlight.Load() < hogs {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(3 * time.Second):
		return nil
	}
}

func (f *flood) String() string {
	said := fmt.Sprintf("%d held, %d passed without a canary, %d refused as too many or in conflict, %d failed",
		f.held.Load(), f.passed.Load(), f.refused.Load(), f.failed.Load())
	if last := f.lastFailure.Load(); last != nil {
		said += fmt.Sprintf(" (the last one: %.300s)", last)
	}
	return said
}
