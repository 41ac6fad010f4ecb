package pick

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Name{
		"web":                                {true, true, "web"},
		"run/web":                            {true, false, "web"},
		"canaryrun.holdfast.dev/web":         {true, false, "web"},
		"canaryruns.v1alpha1.holdfast.dev/w": {true, false, "w"},
		"crun/web":                           {true, false, "web"},
		"deployment/web":                     {false, true, "web"},
		"deployment.apps/web":                {false, true, "web"},
		"deploy/web":                         {false, true, "web"},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "run/", "pod/web", "a/b/c"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func TestOne(t *testing.T) {
	run := func(name, deployment string, minute int, phase v1alpha1.Phase) v1alpha1.CanaryRun {
		return v1alpha1.CanaryRun{
			ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Unix(int64(minute)*60, 0))},
			Spec:       v1alpha1.CanaryRunSpec{Deployment: deployment}, Status: v1alpha1.CanaryRunStatus{Phase: phase},
		}
	}
	runs := []v1alpha1.CanaryRun{
		run("web-c", "web", 3, v1alpha1.PhaseReverted), run("web-a", "web", 1, v1alpha1.PhaseReleased), run("web-b", "web", 2, v1alpha1.PhaseRunning),
		run("api-b", "api", 2, v1alpha1.PhaseReverted), run("api-a", "api", 1, v1alpha1.PhaseReleased),
		run("two-a", "two", 1, v1alpha1.PhaseRunning), run("two-b", "two", 2, v1alpha1.PhaseWaiting),
		run("api", "web2", 1, v1alpha1.PhaseRunning),
	}
	for name, tc := range map[string]struct{ text, want, mistake string }{
		"a run":                                   {"web-a", "web-a", ""},
		"of a Deployment the one that goes on":    {"web", "web-b", ""},
		"or else the newest":                      {"deployment/api", "api-b", ""},
		"a name of both is that of the run":       {"api", "api", ""},
		"no run of that name":                     {"run/web", "", `there is no run "web"`},
		"no Deployment of that name":              {"deploy/web-a", "", `there is no run of a Deployment "web-a"`},
		"neither":                                 {"x", "", `there is no run "x", and no run of a Deployment "x"`},
		"two that go on are told apart by a name": {"two", "", "there are several runs of Deployment two that have not ended; name one: run/two-a, run/two-b"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := Parse(tc.text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := n.One(runs)
			switch {
			case err != nil && err.Error() != tc.mistake:
				t.Errorf("%v, want %s", err, tc.mistake)
			case err == nil && got.Name != tc.want:
				t.Errorf("got %s, want %s", got.Name, tc.want)
			}
		})
	}
}
