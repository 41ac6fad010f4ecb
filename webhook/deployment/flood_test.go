package deployment

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/webhook/deployment/casetest"
	"holdfast.dev/holdfast/webhook/serving"
)

// BenchmarkBesideAFlood is how long small updates of one namespace wait for their answer, alone and while
// another one keeps 80 large ones in flight: Holdfast's part of what `make bench` measures on a cluster.
func BenchmarkBesideAFlood(b *testing.B) {
	limiter := serving.NewLimiter("evaluator", serving.NewMetrics(prometheus.NewRegistry()))
	for _, inFlight := range []int{0, 80} {
		b.Run(fmt.Sprintf("%d large ones", inFlight), func(b *testing.B) {
			small, large := serveReviews(b, limiter, "shop", 2), serveReviews(b, limiter, "hog", 1024)
			ctx, stop := context.WithCancel(b.Context())
			var flood sync.WaitGroup
			for range inFlight {
				flood.Go(func() {
					for ctx.Err() == nil {
						large(context.WithoutCancel(ctx)) // whole: the server ends when it is answered
					}
				})
			}
			small(b.Context())
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if code := small(b.Context()); code != http.StatusOK {
					b.Errorf("answered with %d", code)
				}
				took = append(took, time.Since(start))
			}
			stop()
			flood.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
		})
	}
}

// serveReviews answers updates to a template of so many KiB in a namespace, and returns what sends one.
func serveReviews(b *testing.B, limiter *serving.Limiter, namespace string, kib int) (send func(context.Context) (code int)) {
	b.Helper()
	container := map[string]any{"name": "app", "image": "holdfast.test/app:v2", "args": slices.Repeat([]any{strings.Repeat("x", 1000)}, kib)}
	handler, req := setUp(b, casetest.Case{Request: casetest.Submission{Patch: map[string]any{
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}},
	}}})
	req.Namespace = namespace
	review := must(json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: &req.AdmissionRequest,
	}))
	server := httptest.NewServer(limiter.Limit(&admission.Webhook{Handler: handler}))
	b.Cleanup(server.Close)
	return func(ctx context.Context) int {
		post, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, bytes.NewReader(review))
		if err != nil {
			return 0
		}
		post.Header.Set("Content-Type", "application/json")
		resp, err := server.Client().Do(post)
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
}
