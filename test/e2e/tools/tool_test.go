package tools

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// tool is a run of a tool that waits for the rollout of web.
type tool struct {
	s     *shop.Shop
	name  string
	said  *said
	ended chan struct{}
	// How it ended, and what ran then.
	err   error
	atEnd string
}

// start runs a tool of the cluster's folder, in the shop's namespace.
func start(s *shop.Shop, program string, args ...string) *tool {
	s.T.Helper()
	if version, ok := strings.CutPrefix(program, "helm"); ok {
		provideHelm(s, version)
	}
	return startFunc(s, program+" "+strings.Join(args, " "), func(ctx context.Context, out *said) error {
		cmd := shop.World.Cluster.Command(ctx, program, append([]string{"-n", s.Namespace}, args...)...)
		cmd.Stdout, cmd.Stderr = out, out
		return cmd.Run()
	})
}

// startFunc runs what waits in the way of a tool.
func startFunc(s *shop.Shop, name string, run func(context.Context, *said) error) *tool {
	s.T.Helper()
	ctx, cancel := context.WithCancel(s.T.Context())
	tool := &tool{s: s, name: name, said: &said{news: make(chan struct{})}, ended: make(chan struct{})}
	s.T.Cleanup(func() {
		cancel()
		<-tool.ended
	})
	go func() {
		defer close(tool.ended)
		tool.err = run(ctx, tool.said)
		tool.atEnd = running(ctx, s)
	}()
	return tool
}

// running is what runs, in the form "v2 Ready: 2; others: 0", by the pods of the Deployment that
// are there to stay.
func running(ctx context.Context, s *shop.Shop) string {
	var d appsv1.Deployment
	var pods corev1.PodList
	err := errors.Join(shop.World.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: "web"}, &d),
		shop.World.Client.List(ctx, &pods, shop.InNamespace(s), client.MatchingLabels{"app": "web"}))
	if err != nil {
		return err.Error()
	}
	image := d.Spec.Template.Spec.Containers[0].Image
	ready, others := 0, 0
	for _, p := range pods.Items {
		if p.DeletionTimestamp != nil || p.Labels[v1alpha1.RoleLabel] != "" {
			continue
		}
		if p.Spec.Containers[0].Image == image && podReady(&p) {
			ready++
		} else {
			others++
		}
	}
	return fmt.Sprintf("%s Ready: %d; others: %d", image[strings.LastIndex(image, ":")+1:], ready, others)
}

func podReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// wait waits until the tool has ended.
func (w *tool) wait() {
	w.s.T.Helper()
	select {
	case <-w.ended:
	case <-time.After(shop.Patience):
		w.s.T.Fatalf("%s has not ended; it says:\n%s", w.name, w.said)
	}
}

// wantSuccess: it ended well, and when it did this ran.
func (w *tool) wantSuccess(running string) {
	w.s.T.Helper()
	w.wait()
	if w.err != nil {
		w.s.T.Errorf("%s failed: %v\n%s", w.name, w.err, w.said)
	}
	if !strings.HasPrefix(w.atEnd, running) {
		w.s.T.Errorf("when %s ended there ran %s, want %s; it says:\n%s", w.name, w.atEnd, running, w.said)
	}
}

// wantFailure: it ended with an exit code that says so, after the revert, and with these words.
func (w *tool) wantFailure(words string) {
	w.s.T.Helper()
	w.wait()
	var exit *exec.ExitError
	if !errors.As(w.err, &exit) && !errors.Is(w.err, errFailed) {
		w.s.T.Errorf("%s ended with %v, want a failure\n%s", w.name, w.err, w.said)
	}
	if !strings.Contains(w.said.String(), words) {
		w.s.T.Errorf("%s does not say %q:\n%s", w.name, words, w.said)
	}
	if d := w.s.Deployment("web"); d.Annotations[v1alpha1.HeldAnnotation] != "" {
		w.s.T.Errorf("%s has failed while the update is held:\n%s", w.name, w.said)
	}
}

// wantWaiting: it has not ended.
func (w *tool) wantWaiting(when string) {
	w.s.T.Helper()
	select {
	case <-w.ended:
		w.s.T.Fatalf("%s ended %s with %v; it says:\n%s", w.name, when, w.err, w.said)
	default:
	}
}

// errFailed is how a tool that is a function says that the rollout has failed.
var errFailed = errors.New("the rollout has failed")

// said is what a tool has printed so far.
type said struct {
	mu   sync.Mutex
	text strings.Builder
	news chan struct{} // closed at the next print
}

func (w *said) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.news)
	w.news = make(chan struct{})
	return w.text.Write(p)
}

func (w *said) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// awaitWord waits until the tool has printed the words once more than before.
func (w *tool) awaitWords(t *testing.T, words string, before int) {
	t.Helper()
	deadline := time.After(shop.Patience)
	for {
		w.said.mu.Lock()
		n, news := strings.Count(w.said.text.String(), words), w.said.news
		w.said.mu.Unlock()
		if n > before {
			return
		}
		select {
		case <-news:
		case <-w.ended:
			t.Fatalf("%s ended with %v instead of saying %q:\n%s", w.name, w.err, words, w.said)
		case <-deadline:
			t.Fatalf("%s does not say %q:\n%s", w.name, words, w.said)
		}
	}
}

// count is how often the tool has printed the words.
func (w *tool) count(words string) int { return strings.Count(w.said.String(), words) }
