package promql

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/internal/query"
)

// long is a long query as it stands in a batch.
func long(group, prefix, window int) query.Batch {
	text := fmt.Sprintf("sum(rate(errors_total{a!=%q,b!=%q}[", fmt.Sprint(group), strings.Repeat("x", 200))
	return query.Batch{Group: text + "]))", Shape: fmt.Sprintf("%s%ds]))", text, window), Pods: fmt.Sprintf("web-%d-[a-z0-9]+", prefix)}
}

// TestFamiliesTakeLittleMemory: who asks together is guessed from little, whatever
// tenants ask for and however their windows grow.
func TestFamiliesTakeLittleMemory(t *testing.T) {
	for name, tc := range map[string]struct {
		groups, prefixes, rounds, shapes int
		want                             int // bytes
	}{
		"one query whose window grows":   {1, 1, 300, 1, 64 << 10},
		"many queries of one":            {1, 1, 3, 300, 64 << 10},
		"more groups than are known":     {maxGroups + 100, 3, 3, 2, 1 << 20},
		"more canaries than are known":   {2, maxMembers, 2, 1, 16 << 20},
		"all that is known, and no more": {maxGroups, maxMembers / maxGroups, 2, 3, 16 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBatches()
			before := heap()
			for r := range tc.rounds {
				for f := range tc.groups {
					for p := range tc.prefixes {
						for s := range tc.shapes {
							b.note(long(f, p, r*tc.shapes+s+1), noon.Add(time.Duration(r)*time.Second))
						}
					}
				}
			}
			grown := heap() - before
			t.Logf("%d bytes for %d groups and %d members", grown, len(b.groups), b.members)
			if grown > tc.want {
				t.Errorf("%d bytes are kept, want %d at most", grown, tc.want)
			}
			members := 0
			for _, f := range b.groups {
				members += len(f.members)
			}
			if len(b.groups) > maxGroups || members > maxMembers || members != b.members {
				t.Errorf("%d groups and %d members, counted are %d", len(b.groups), members, b.members)
			}
			b.forget(noon.Add(time.Hour))
			if len(b.groups)+b.members > 0 {
				t.Errorf("%d groups and %d members are not forgotten", len(b.groups), b.members)
			}
			runtime.KeepAlive(b)
		})
	}
	b := newBatches()
	hostile := query.Batch{Group: "x", Shape: "x", Pods: strings.Repeat("x", maxPods) + "-x"}
	if b.note(hostile, noon); b.members > 0 {
		t.Error("a pattern of very many pods is remembered")
	}
}

// but is who is left in a line, without one.
func (l *line) but(prefix string) []string {
	if l == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(l.left), func(pods string) bool { return strings.HasPrefix(pods, prefix) })
}

// TestALineIsGoneThroughOnce: of very many canaries each is looked at once for a time, whoever asks.
func TestALineIsGoneThroughOnce(t *testing.T) {
	b := newBatches()
	const canaries = 101
	var last ask
	for round := range 2 {
		for i := range canaries {
			one := query.Batch{Group: "g", Shape: "s", Prefix: fmt.Sprintf("web-%d-", i)}
			one.Pods = one.Prefix + "x"
			if last = b.note(one, noon.Add(time.Duration(round)*time.Minute)); round == 0 {
				continue
			}
			taken := 0
			for others := b.others(one, last, noon.Add(time.Minute)); taken < 10 && others.next() != ""; taken++ {
			}
			if want := map[bool]int{true: 10, false: 0}[i < 10]; taken != want {
				t.Fatalf("canary %d finds %d others, want %d", i, taken, want)
			}
		}
	}
}

// TestWhoIsAskedForTogether tells a story in words: "1a" is canary 1 that asks
// the shape a, "1a'" the same of other pods of it, "/" the next round. What is told is
// who is asked for by the last one.
func TestWhoIsAskedForTogether(t *testing.T) {
	for name, tc := range map[string]struct{ script, want string }{
		"nobody is known at first":                       {"1a 2a", ""},
		"who asked the same the last time":               {"1a 2a 3b / 1a", "2"},
		"whose window grew likewise":                     {"1a 2a 3b / 1c", "2"},
		"a second query of the group, in the same round": {"1a 1b 2a 2b / 1a 2a 1b", "2"},
		"one of two whose windows grew":                  {"1a 1b 2a 2b / 1c", "2"},
		"who asked already has an answer":                {"1a 2a / 2a 1a", ""},
		"who stopped asking is asked for once":           {"1a 2a / 1a / 1a", ""},
		"who missed a round is not asked for":            {"1a 2a 3a / 2a 3a / 1a", ""},
		"what is asked again in a round":                 {"1a 2a / 1a 1a", "2"},
		"an ask of a round that is over":                 {"1a 2a / 1a ~1a / 1a", ""},
		"one whose pods are others now":                  {"1a 2a' / 2a 1a", "2'"},
		"one that had other pods the last time":          {"1a 2a / 1a'", ""},
		"one that had two sets of pods":                  {"1a 2a 2a' / 1a", "2'"},
		"rounds that are too long ago":                   {"1a 2a ////////// 1a", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b, at := newBatches(), noon
			var got string
			for _, step := range strings.Fields(strings.ReplaceAll(tc.script, "/", " / ")) {
				if step == "/" {
					at = at.Add(2 * time.Minute)
					continue
				}
				when := at
				if strings.HasPrefix(step, "~") {
					when = at.Add(-2 * time.Minute)
				}
				step = strings.TrimPrefix(step, "~")
				one := query.Batch{Group: "f", Prefix: step[:1] + "-", Shape: step[1:2]}
				one.Pods = one.Prefix + map[bool]string{true: "x", false: "y"}[strings.HasSuffix(step, "'")]
				got = strings.Join(b.others(one, b.note(one, when), when).but(one.Prefix), " ")
			}
			got = strings.NewReplacer("-x", "'", "-y", "").Replace(got)
			if got != tc.want {
				t.Errorf("asked for with %q, want %q", got, tc.want)
			}
		})
	}
}
