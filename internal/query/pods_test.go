package query

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// namer makes names as the API server does of a generateName (source: k8s.io/apiserver/pkg/storage/names).
type namer struct{ *rand.Rand }

func (n namer) generate(base string) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	suffix := make([]byte, 5)
	for i := range suffix {
		suffix[i] = letters[n.IntN(len(letters))]
	}
	return base[:min(len(base), 58)] + string(suffix)
}

// workloadName is a name that others are likely to begin with too, often of a length at
// which names of ReplicaSets and pods are cut.
func (n namer) workloadName() string {
	name := strings.Repeat("a.long-name-", 6)
	if n.IntN(4) == 0 {
		name = "web-1"
	}
	lengths := []int{3, 5, 45, 46, 47, 48, 49, 55, 56, 57, 58, 59, 60, 70}
	name = strings.TrimRight(name[:min(len(name), lengths[n.IntN(len(lengths))])], "-.")
	return name + []string{"", "", "x", "-0", "-1"}[n.IntN(5)]
}

// neighbours are pods of everything that may have such a name, of the names that their
// controllers give them.
func (n namer) neighbours(name string) []string {
	hash := n.generate("")
	return []string{
		n.generate(name + "-" + hash + "-"),        // of a Deployment
		n.generate(name + "-"),                     // of a Job, a DaemonSet or a ReplicaSet
		n.generate(name + "-7-"),                   // of an Indexed Job
		n.generate(name + "-29345678-"),            // of a CronJob
		fmt.Sprintf("%s-%d", name, n.IntN(12)),     // of a StatefulSet
		name + "-" + hash, name, name + hash + "z", // of nobody
	}
}

// Whatever stands beside them: what is rendered matches the pods that a ReplicaSet made
// and no others.
func TestNoOtherPodIsSelected(t *testing.T) {
	template, err := Parse("up{ {{stable}} }")
	if err != nil {
		t.Fatal(err)
	}
	cut, alike := 0, 0
	for seed := range uint64(3000) {
		n := namer{rand.New(rand.NewPCG(seed, 0))}
		v := Values{Namespace: "shop", PodNames: map[string][]string{}}
		var own []string
		for range 1 + n.IntN(2) {
			set := n.workloadName() + "-" + n.generate("")
			v.Stable = append(v.Stable, set)
			for range n.IntN(4) {
				pod := n.generate(set + "-")
				own = append(own, pod)
				v.PodNames[set] = append(v.PodNames[set], pod)
			}
			v.PodNames[set] = slices.Compact(v.PodNames[set])
			if isCut(set) {
				cut++
			}
		}
		text, err := template.Render(v)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		matcher := podMatcher(t, text)
		for _, pod := range own {
			if !matcher.Matches(pod) {
				t.Fatalf("seed %d: %s does not select %s", seed, text, pod)
			}
		}
		for _, set := range v.Stable {
			others := append(n.neighbours(set), n.neighbours(set[:strings.LastIndexByte(set, '-')])...)
			for _, pod := range append(others, n.neighbours(n.workloadName())...) {
				if IsNamedAsPodOf(set, pod) {
					alike++
				}
				if matcher.Matches(pod) && !slices.Contains(own, pod) {
					t.Fatalf("seed %d: %s selects %s too", seed, text, pod)
				}
			}
		}
	}
	if cut < 1000 || alike < 1000 {
		t.Errorf("only %d names were cut, and %d pods of others were named like the stable ones", cut, alike)
	}
}

// Where pods are not known by name, those of no other ReplicaSet are selected: it is
// refused where that cannot be said.
func TestWhatNamesBeginWithIsNobodyElses(t *testing.T) {
	template, err := Parse("up{ {{canary}} }")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for seed := range uint64(3000) {
		n := namer{rand.New(rand.NewPCG(seed, 1))}
		set, other := n.workloadName()+"-"+n.generate(""), n.workloadName()+"-"+n.generate("")
		text, err := template.Render(Values{Namespace: "shop", Canary: []string{set}})
		if err != nil {
			refused++
			continue
		}
		matcher := podMatcher(t, text)
		if pod := n.generate(set + "-"); !matcher.Matches(pod) {
			t.Fatalf("seed %d: %s does not select %s", seed, text, pod)
		}
		if pod := n.generate(other + "-"); other != set && matcher.Matches(pod) {
			t.Fatalf("seed %d: %s selects %s", seed, text, pod)
		}
	}
	if refused < 500 || refused > 2500 {
		t.Errorf("%d were refused", refused)
	}
}

var podOfSelector = regexp.MustCompile(`pod(=~|!~)"([^"]*)"`)

func podMatcher(t *testing.T, rendered string) *labels.Matcher {
	t.Helper()
	found := podOfSelector.FindStringSubmatch(rendered)
	if found == nil {
		t.Fatalf("no matcher of pods in %s", rendered)
	}
	kind := map[string]labels.MatchType{"=~": labels.MatchRegexp, "!~": labels.MatchNotRegexp}[found[1]]
	return labels.MustNewMatcher(kind, "pod", found[2])
}

// Names of many pods are not read with the query, and stand in it as those of few do: also
// where two ReplicaSets have one beginning.
func TestManyPodsAreNamedAsFewAre(t *testing.T) {
	n := namer{rand.New(rand.NewPCG(2, 2))}
	long := strings.Repeat("a.long-name-", 6)
	v := Values{Namespace: "shop", Canary: []string{"web-c"}, Stable: []string{"web-1", long + "1", long + "2"}, Pods: []string{"web-1"}, Age: time.Minute,
		PodNames: map[string][]string{"web-c": {"web-c-b4c5d"}}}
	for _, set := range v.Stable {
		for range manyPods {
			v.PodNames[set] = append(v.PodNames[set], n.generate(set+"-"))
		}
	}
	pattern, err := v.podPattern(v.Stable)
	if err != nil {
		t.Fatal(err)
	}
	template, err := Parse(`sum(rate(x{ {{canary}} }[5m])) - sum(rate(x{ {{stable}}, le="1" }[5m]))`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := template.Render(v)
	want := `sum(rate(x{ namespace="shop",pod=~"web-c-b4c5d" }[1m])) - sum(rate(x{ namespace="shop",pod=~"` + pattern + `", le=~"1|1\\.0" }[5m]))`
	if err != nil || got != want {
		t.Errorf("%v: got\n%s\nwant\n%s", err, got, want)
	}
	if got := template.WarmUp(v, 15*time.Second); got != time.Minute {
		t.Errorf("it waits for %s", got)
	}
	counter, err := ParseCounter(`x{ {{pods}} }`)
	if err != nil {
		t.Fatal(err)
	}
	pattern, _ = v.podPattern(v.Pods)
	if got, err := counter.RenderSamples(v, time.Minute); err != nil || got != `x{namespace="shop",pod=~"`+pattern+`"}[1m]` {
		t.Errorf("%v: got\n%s", err, got)
	}
	v.PodNames["web-1"] = append(v.PodNames["web-1"], `web-1-"x`)
	if got, err := template.Render(v); err == nil {
		t.Errorf("a name that is none is rendered: %s", got)
	}
}
