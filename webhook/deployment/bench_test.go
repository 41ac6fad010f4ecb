package deployment

import (
	"context"
	"fmt"
	"testing"

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
				b.ReportAllocs()
				for b.Loop() {
					if resp := handler.Handle(context.Background(), req); !resp.Allowed {
						b.Fatal(resp.Result.Message)
					}
				}
			})
		}
	}
}
