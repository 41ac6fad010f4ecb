package show

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/outlook"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a text with a file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// scene is a run at a time.
type scene struct {
	Now        time.Time
	MinReady   metav1.Duration
	PodsHidden string
	Run        v1alpha1.CanaryRun
	Pods       []corev1.Pod
}

func scenes(t *testing.T) map[string]scene {
	t.Helper()
	files, err := filepath.Glob("testdata/views/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenes: %v", err)
	}
	out := map[string]scene{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s scene
		if err := yaml.UnmarshalStrict(text, &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out[strings.TrimSuffix(file, ".yaml")] = s
	}
	return out
}

// TestViews: each scene of testdata/views is shown as the file beside it says.
func TestViews(t *testing.T) {
	for name, s := range scenes(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			got := View(Seen{Run: s.Run, Pods: s.Pods, PodsHidden: s.PodsHidden, MinReady: s.MinReady.Duration}, s.Now)
			golden(t, name+".txt", got)
			for _, r := range got {
				if r < ' ' && r != '\n' || r == '\u202e' {
					t.Errorf("the view has a control character: %q", got)
				}
			}
		})
	}
}

// TestThePageShowsAViewAsItIs: that of docs/how-to/kubectl-plugin.md is the scene "running".
func TestThePageShowsAViewAsItIs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/how-to/kubectl-plugin.md")
	if err != nil {
		t.Fatal(err)
	}
	view, err := os.ReadFile("testdata/views/running.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "\n```\n"+string(view)+"```\n") {
		t.Errorf("the page shows another view than\n%s", view)
	}
}

func TestDurationOfARunThatIsMeasuredIsReckonedFromNow(t *testing.T) {
	s := scenes(t)["testdata/views/running"]
	for after, want := range map[time.Duration]string{0: "42s/1m20s", 5 * time.Second: "47s/1m20s", time.Hour: "1m20s/1m20s", -time.Hour: "20s/1m20s"} {
		if got := outlook.Duration(&s.Run, s.Now.Add(after)); got != want {
			t.Errorf("after %s: %s, want %s", after, got, want)
		}
	}
	s.Run.Status.Phase = v1alpha1.PhasePaused
	if got := outlook.Duration(&s.Run, s.Now); got != s.Run.Status.Duration {
		t.Errorf("paused: %s, want that of the status", got)
	}
}

func TestSpark(t *testing.T) {
	values := func(rule string, values ...string) []v1alpha1.Measurement {
		var out []v1alpha1.Measurement
		for _, v := range values {
			outcome := v1alpha1.OutcomePassed
			if text, failed := strings.CutSuffix(v, "!"); failed {
				v, outcome = text, v1alpha1.OutcomeFailed
			}
			out = append(out, v1alpha1.Measurement{Range: rule, Value: v, Outcome: outcome})
		}
		return out
	}
	for name, tc := range map[string]struct {
		last []v1alpha1.Measurement
		want string
	}{
		"between two ends":                    {values("[0, 8]", "0", "1", "4", "8"), "▁▂▅█"},
		"above and below":                     {values("[1, 8]", "0!", "9!"), "▼▲"},
		"an open end above is the greatest":   {values("success >= 90%", "0.9", "0.95", "1", "0.5!"), "▁▅█▼"},
		"an open end below is zero":           {values("P99 < 1s", "0.5", "0.1", "2!"), "▅▁▲"},
		"negative values below an open end":   {values("[-inf, 0]", "-4", "-2", "0"), "▁▅█"},
		"all alike without a rule":            {values("", "5", "5"), "██"},
		"failed by something else":            {values("the first value, at most 10% up", "5", "9!"), "█!"},
		"no number":                           {values("[0, 1]", "NaN", "NaN!"), "·!"},
		"nothing":                             {nil, ""},
		"the greatest floats":                 {values("[-inf, inf]", "-1.7e308", "1.7e308"), "▁▁"},
		"a range of one value, and no spread": {values("[1, 1]", "1", "1"), "▁▁"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Spark(tc.last); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestRunsAreATable(t *testing.T) {
	all := scenes(t)
	var runs []v1alpha1.CanaryRun
	for _, name := range []string{"running", "hostile", "scheduled"} {
		run := all["testdata/views/"+name].Run
		run.Name = name
		runs = append(runs, run)
	}
	Sort(runs)
	golden(t, "testdata/runs.txt", text(Runs(runs, all["testdata/views/running"].Now)))
}

func TestFrame(t *testing.T) {
	page := "one\ntwo\nthree is long\nfour\n"
	for name, tc := range map[string]struct {
		width, height int
		last          bool
		want          string
	}{
		"fits":              {20, 9, false, "^one$two$three is long$four$_"},
		"narrow":            {6, 9, false, "^one$two$three…$four$_"},
		"low":               {80, 4, false, "^one$two$… 2 more lines; make the window taller$_"},
		"the last is whole": {6, 3, true, "^one$two$three is long$four$_"},
		"no size at all":    {0, 0, false, "^one$two$three is long$four$_"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.NewReplacer(toTop, "^", eraseLine+"\n", "$", eraseBelow, "_").Replace(Frame(page, tc.width, tc.height, tc.last))
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestHistory(t *testing.T) {
	all := scenes(t)
	now := all["testdata/views/running"].Now
	var runs []v1alpha1.CanaryRun
	for i, name := range []string{"hostile", "decided", "running"} {
		run := all["testdata/views/"+name].Run
		run.Name = name
		run.CreationTimestamp = metav1.NewTime(now.Add(time.Duration(i-3) * time.Minute))
		if run.Status.Phase.Ended() {
			end := metav1.NewTime(run.CreationTimestamp.Add(42 * time.Second))
			run.Status.FinishedAt = &end
		}
		runs = append(runs, run)
	}
	skipped := `{"reason":"hotfix","hash":"h","user":"ann","at":"` + now.Add(-90*time.Second).Format(time.RFC3339) + `"}`
	golden(t, "testdata/history.txt", text(History(runs, map[string]string{v1alpha1.SkippedAnnotation: skipped}, now)))
}

// text is a table with its cells apart.
func text(table *metav1.Table) string {
	var out strings.Builder
	for _, c := range table.ColumnDefinitions {
		out.WriteString(strings.ToUpper(c.Name) + "|")
	}
	for _, row := range table.Rows {
		out.WriteByte('\n')
		for _, cell := range row.Cells {
			out.WriteString(cell.(string) + "|")
		}
	}
	return out.String() + "\n"
}
