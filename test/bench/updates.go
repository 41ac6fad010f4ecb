package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// measurement is one kind of update.
type measurement struct {
	name string
	// patch is the i-th update, a strategic merge patch.
	patch func(i int) map[string]any
	// dryRun updates measure the way to an answer alone, without etcd.
	dryRun bool
	// manager is the field manager; templates sent in a dry run by that of
	// Holdfast's own checks are not checked.
	manager string
	// pause comes before each update: what the one before has caused is over then, its run and its statuses.
	// There are fewer of these.
	pause time.Duration
	// withdrawn updates are taken back, which is not measured: the next one finds nothing held.
	withdrawn bool
}

// checkManager is webhook.checkManager, which is not exported.
const checkManager = "holdfast-check"

var measurements = []measurement{
	{name: "a label", patch: label, manager: "bench"},
	{name: "replicas", patch: replicas, manager: "bench"},
	{name: "a template", patch: image, manager: "bench", pause: 500 * time.Millisecond, withdrawn: true},
	{name: "a template in place of a held one", patch: image, manager: "bench", pause: 500 * time.Millisecond},
	{name: "a template right after another", patch: image, manager: "bench"},
	{name: "a template, dry run", patch: image, manager: "bench", dryRun: true},
	{name: "a template, dry run, without the check", patch: image, manager: checkManager, dryRun: true},
}

func label(i int) map[string]any {
	return map[string]any{"metadata": map[string]any{"labels": map[string]any{"bench": fmt.Sprintf("n%d", i)}}}
}

func replicas(i int) map[string]any {
	return map[string]any{"spec": map[string]any{"replicas": 1 + i%2}}
}

func image(i int) map[string]any { return imageOf(fmt.Sprintf("holdfast.test/app:bench-%d", i)) }

func imageOf(name string) map[string]any {
	container := map[string]any{"name": "app", "image": name}
	return map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}}}
}

// compare sends the same updates to both namespaces in turn.
func (b *bench) compare(ctx context.Context, m measurement, n int) (string, error) {
	before, err := b.calls(ctx)
	if err != nil {
		return "", err
	}
	var took [2][]time.Duration
	if m.pause > 0 {
		n = (n + 3) / 4
	}
	for i := range n {
		for side, namespace := range []string{b.unguarded, b.guarded} {
			time.Sleep(m.pause)
			start := time.Now()
			if err := b.send(ctx, m, namespace, m.patch(i)); err != nil {
				return "", err
			}
			took[side] = append(took[side], time.Since(start))
			if !m.withdrawn {
				continue
			}
			time.Sleep(m.pause)
			if err := b.send(ctx, m, namespace, imageOf(firstImage)); err != nil {
				return "", err
			}
		}
	}
	after, err := b.calls(ctx)
	if err != nil {
		return "", err
	}
	unguarded, guarded := sorted(took[0]), sorted(took[1])
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %.2f | %.0f |", m.name,
		ms(share(unguarded, 50)), ms(share(unguarded, 99)), ms(share(guarded, 50)), ms(share(guarded, 99)),
		float64(share(guarded, 50))/float64(share(unguarded, 50)), after-before), nil
}

func (b *bench) send(ctx context.Context, m measurement, namespace string, update map[string]any) error {
	patch, err := json.Marshal(update)
	if err != nil {
		return err
	}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"}}
	options := []client.PatchOption{client.FieldOwner(m.manager)}
	if m.dryRun {
		options = append(options, client.DryRunAll)
	}
	return b.client.Patch(ctx, d, client.RawPatch(types.StrategicMergePatchType, patch), options...)
}

func sorted(d []time.Duration) []time.Duration {
	slices.Sort(d)
	return d
}

// share is the percentile of sorted values.
func share(d []time.Duration, percent int) time.Duration { return d[min(len(d)-1, len(d)*percent/100)] }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
