package query

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestABatcherTakesApartAsIsDoneAlone: whatever was asked before, of whichever canary, and however alike
// queries look.
func TestABatcherTakesApartAsIsDoneAlone(t *testing.T) {
	all := []string{
		`sum(x{pod=~"%s"}) / sum(y{pod=~"%[1]s"})`,
		`sum(x{pod=~"%s"}) / sum(y{pod=~"web-1-a"})`,
		`sum(x{pod=~"%s", name="web-1-a"})`,
		`sum(x{pod=~"%s", name="%[1]s"})`,
		`sum(x{pod=~"%s", name="{canary}"})`,
		`sum(x{pod=~"%s", name="{prefixes}"})`,
		`sum(x{pod=~"%s"}) # "%[1]s"`,
		`sum(x{pod=~'%s'})`,
		`sum(x{pod=~"web\x2d1-a"}) # pod=~"%s"`,
		"sum(x{pod=~`%s`,my_pod=~\"%[1]s\"})",
		`sum(x{my_pod=~"%s"})`,
		`sum(x{my_pod=~"%s", pod=~"%[1]s"})`,
		`topk(1, x{pod=~"%s"})`,
		`sum(x{pod=~"%s"} offset 5m)`,
		`sum(x{pod=~"%s"}`,
	}
	pods := []string{"web-1-a", "web-2-(?:a|b)", "web[.]3-[a-z0-9]+", "web.*", "", "web-1"}
	r := NewBatcher("pod")
	for range 2 {
		for _, each := range pods {
			for _, format := range all {
				text := fmt.Sprintf(format, each)
				want, wantOK := BatchOf(text, "pod")
				got, ok := r.Batch(text)
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(Batch{})); ok != wantOK || diff != "" {
					t.Errorf("%s: %t, want %t\n%s", text, ok, wantOK, diff)
				}
			}
		}
	}
	if len(r.known) == 0 {
		t.Error("nothing is remembered")
	}
}

// TestInPlace: what is said of another canary's query without reading it is what reading it says.
func TestInPlace(t *testing.T) {
	for _, text := range []string{
		`sum(x{pod=~"web-1-a"}) / sum(y{pod=~"web-1-a"})`, `sum(x{pod=~"web-1-a",name="web-2-b"})`, `sum(x{pod=~"web-1-a",name="web-1-a"})`,
		`sum(x{pod=~'web-1-a'}) # "web-1-a"`, `sum by ("web-1-a") (x{pod=~"web-1-a"})`,
	} {
		b, ok := BatchOf(text, "pod")
		if !ok {
			t.Fatalf("%s cannot be joined", text)
		}
		slow := b
		slow.inPlace = false
		for _, pods := range []string{"web-2-b", "web[.]3-(?:a|b)", "web-1", strings.Repeat("w", 2*MaxLength) + "-a"} {
			want, wantOK := slow.Select(text, "pod", pods)
			got, ok := b.Select(text, "pod", pods)
			if ok != wantOK || ok && got != want {
				t.Errorf("%s for %.20s: %s, %t; want %s, %t", text, pods, got, ok, want, wantOK)
			}
		}
	}
}

// TestPrefixOf: by hand it is what this expression says.
func TestPrefixOf(t *testing.T) {
	onePattern := regexp.MustCompile(`^((?:[-a-z0-9]|\[\.\])+-)(?:\[a-z0-9\]\+|[a-z0-9]+|\(\?:[a-z0-9]+(?:\|[a-z0-9]+)+\))$`)
	parts := []string{"web", "-", "[.]", ".", "1", "(?:", "|", ")", "[a-z0-9]+", "a", "X", ""}
	random := rand.New(rand.NewPCG(1, 1))
	some := 0
	for range 200_000 {
		var text strings.Builder
		for range 1 + random.IntN(9) {
			text.WriteString(parts[random.IntN(len(parts))])
		}
		want := ""
		if found := onePattern.FindStringSubmatch(text.String()); found != nil {
			want = strings.ReplaceAll(found[1], "[.]", ".")
			some++
		}
		if got := PrefixOf(text.String()); got != want {
			t.Fatalf("%s has the prefix %q, want %q", text.String(), got, want)
		}
	}
	if some < 500 {
		t.Errorf("%d patterns are tried only", some)
	}
}

func TestABatcherRemembersSoMuch(t *testing.T) {
	r := NewBatcher("pod")
	for i := range 2000 {
		text := fmt.Sprintf(`sum(x{pod=~"web-1-a",name="%d%s"})`, i, strings.Repeat("x", 1000))
		if _, ok := r.Batch(text); !ok {
			t.Fatalf("%s cannot be joined", text)
		}
		if r.size > knownBatches || len(r.known) > 400 {
			t.Fatalf("%d bytes of %d queries are remembered", r.size, len(r.known))
		}
	}
	if len(r.known) == 0 {
		t.Error("nothing is remembered")
	}
	if diff := cmp.Diff(Batch{}, func() Batch { b, _ := r.find(""); return b }(), cmpopts.IgnoreUnexported(Batch{})); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkBatches is what it takes to take the query of one of 32 canaries apart, and to find those of the
// others.
func BenchmarkBatches(b *testing.B) {
	const format = `sum(rate(http_requests_total{namespace="shop",pod=~"%[1]s", code=~"5.."}[1m])) / sum(rate(http_requests_total{namespace="shop",pod=~"%[1]s"}[1m]))`
	var pods, texts []string
	for i := range 32 {
		pods = append(pods, fmt.Sprintf("web-%d-5d4f8-2xk9c", i))
		texts = append(texts, fmt.Sprintf(format, pods[i]))
	}
	for name, of := range map[string]func(*Batcher, string) (Batch, bool){
		"each is read": func(_ *Batcher, text string) (Batch, bool) {
			b, ok := BatchOf(text, "pod")
			b.inPlace = false
			return b, ok
		},
		"one is read": func(r *Batcher, text string) (Batch, bool) { return r.Batch(text) },
	} {
		b.Run(name, func(b *testing.B) {
			r := NewBatcher("pod")
			for i := 0; b.Loop(); i++ {
				batch, ok := of(r, texts[i%32])
				for _, other := range pods {
					if _, isOf := batch.Select(texts[i%32], "pod", other); !ok || !isOf {
						b.Fatal("cannot be joined")
					}
				}
				batch.Join(pods)
			}
		})
	}
}
