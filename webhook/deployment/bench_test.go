package deployment

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall"
	"testing"

	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

// BenchmarkHandle answers requests for Deployments with templates of several
// sizes: what the webhook adds to an update, the API server's part aside.
func BenchmarkHandle(b *testing.B) {
	for _, kib := range []int{2, 30, 200} {
		env := make([]any, 0, kib*8)
		for i := range kib * 8 { // some 128 bytes each
			env = append(env, map[string]any{"name": fmt.Sprintf("VARIABLE_%04d", i), "value": fmt.Sprintf("a value of some length, as applications have them, number %06d; and so on", i)})
		}
		container := map[string]any{"name": "app", "image": "holdfast.test/app:v1", "env": env}
		stable := map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}}}
		v2 := map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": "holdfast.test/app:v2", "env": env}}}}
		update := casetest.Submission{Patch: map[string]any{"spec": map[string]any{"template": v2}}}
		scale := casetest.Submission{Patch: map[string]any{"spec": map[string]any{"replicas": 5}}}
		for _, c := range []casetest.Case{
			{Name: "hold", Stable: stable, Request: update},
			{Name: "reapply", Stable: stable, Held: v2, Request: update},
			{Name: "scale", Stable: stable, Held: v2, Request: scale},
		} {
			b.Run(fmt.Sprintf("%s/%dKiB", c.Name, kib), func(b *testing.B) {
				handler, req := setUp(b, c)
				handler.History.Reader = encoded(b, handler.History.Reader)
				b.ReportAllocs()
				before := processorTime(b)
				for b.Loop() {
					if resp := handler.Handle(context.Background(), req); !resp.Allowed {
						b.Fatal(resp.Result.Message)
					}
				}
				b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// processorTime is what the process has taken of its processors, in nanoseconds, the collection of
// garbage with it. Other work on the machine does not change it much.
func processorTime(b *testing.B) int64 {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

// encoded reads lists that are encoded once: to encode them is the API server's part.
func encoded(b *testing.B, reader listing.Lister) listing.Lister {
	b.Helper()
	out := encodedLists{Lister: reader, lists: map[bool][]json.RawMessage{}}
	for _, metadataOnly := range []bool{true, false} {
		q := listing.Query{Kind: workload.ReplicaSetKind, Namespace: "shop", MetadataOnly: metadataOnly}
		err := reader.Each(b.Context(), q, func(object []byte) error {
			out.lists[metadataOnly] = append(out.lists[metadataOnly], object)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return out
}

type encodedLists struct {
	listing.Lister
	lists map[bool][]json.RawMessage // of ReplicaSets, by whether only their metadata is wanted
}

func (e encodedLists) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	if q.Kind != workload.ReplicaSetKind {
		return e.Lister.Each(ctx, q, visit)
	}
	for _, object := range e.lists[q.MetadataOnly] {
		if err := visit(object); err != nil {
			return err
		}
	}
	return nil
}
