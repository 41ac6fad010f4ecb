package evaluator

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
)

// TestNamespacesTakeTurnsAtTheWorkers: whatever one of them has waiting, what another asks for is next.
func TestNamespacesTakeTurnsAtTheWorkers(t *testing.T) {
	for name, tc := range map[string]struct{ script, want string }{
		"one alone is worked on as it came":   {"a1 a2 a3 . . .", "a1 a2 a3"},
		"another is next":                     {"a1 a2 a3 a4 . b1 . . . .", "a1 a2 b1 a3 a4"},
		"each in turn":                        {"a1 a2 a3 b1 b2 c1 . . . . . .", "a1 b1 c1 a2 b2 a3"},
		"what is asked for again is one item": {"a1 a1 b1 b1 a1 . .", "a1 b1"},
		"what is done can be asked for again": {"a1 . a1 b1 . .", "a1 a1 b1"},
	} {
		t.Run(name, func(t *testing.T) {
			queue := newWorkQueue("", workqueue.DefaultTypedControllerRateLimiter[ctrl.Request]())
			defer queue.ShutDown()
			var order []string
			for word := range strings.FieldsSeq(tc.script) {
				if word != "." {
					queue.Add(ctrl.Request{NamespacedName: types.NamespacedName{Namespace: word[:1], Name: word[1:]}})
					continue
				}
				next, _ := queue.Get()
				order = append(order, next.Namespace+next.Name)
				queue.Done(next)
			}
			if got := strings.Join(order, " "); got != tc.want {
				t.Errorf("worked on %q, want %q", got, tc.want)
			}
			if queue.Len() != 0 {
				t.Errorf("%d are left", queue.Len())
			}
		})
	}
}
