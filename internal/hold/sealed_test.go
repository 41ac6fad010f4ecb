package hold

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

func TestAStampIsOfOneDeploymentAndOneKey(t *testing.T) {
	k := NewKey()
	for _, want := range []Stamp{{Hash: "a"}, {"a", 3}, Passing("a", 7)} {
		sealed := k.SealStamp(want, "u")
		if got, ours := k.OpenStamp(sealed, "u"); !ours || got != want {
			t.Errorf("%+v is read as %+v, %v", want, got, ours)
		}
		if got := PeekStamp(sealed); got != want {
			t.Errorf("%+v is shown as %+v", want, got)
		}
		mac := sealed[strings.LastIndexByte(sealed, ' ')+1:]
		for what, encoded := range map[string]string{
			"nothing": "", "no seal": "a", "a seal alone": mac, "an empty seal": "a ", "another template": "b " + mac, "another generation": "a 10 " + mac,
			"cut": sealed[:len(sealed)-1], "one more letter": sealed + "A", "a blank before": " " + sealed, "an alias": k.SealAlias(Alias{"a", "b"}, "u"),
			"of a namespace": k.SealStamped("a", "u"),
		} {
			if got, ours := k.OpenStamp(encoded, "u"); ours {
				t.Errorf("%s (%q) is read as %+v", what, encoded, got)
			}
		}
		for what, ours := range map[string]bool{
			"another Deployment": opens(k, sealed, "v"), "no UID": opens(k, sealed, ""), "another key": opens(NewKey(), sealed, "u"),
			"no UID at both": opens(k, k.SealStamp(want, ""), ""),
		} {
			if ours {
				t.Errorf("%s: it opens", what)
			}
		}
	}
}

func opens(k Key, sealed string, uid types.UID) bool {
	_, ours := k.OpenStamp(sealed, uid)
	return ours
}

// What is sealed for one thing says nothing of another, also where the parts could be cut elsewhere.
func TestASealIsForOnePurpose(t *testing.T) {
	k := NewKey()
	if _, ours := k.open("a", "bc", k.seal("ab", "c", "x")); ours {
		t.Error("the parts run into one another")
	}
	if _, ours := k.OpenStamped(k.SealStamp(Stamp{Hash: "a"}, "u"), "u"); ours {
		t.Error("a stamp is taken for what a namespace says")
	}
}

func TestCovers(t *testing.T) {
	for _, tc := range []struct {
		why        string
		stamp      Stamp
		running    Hash
		generation int64
		want       bool
	}{
		{"it runs", Stamp{Hash: "a"}, "a", 100, true},
		{"another runs", Stamp{Hash: "a"}, "b", 1, false},
		{"others changed what passed", Passing("a", 7), "b", 8, true},
		{"and the revision was written", Passing("a", 7), "b", 9, true},
		{"somebody has changed it since", Passing("a", 7), "b", 10, false},
		{"nobody changed what passed, and it was scaled since", Passing("a", 7), "a", 12, true},
		{"no stamp", Stamp{}, "a", 1, false},
		{"no generation", Stamp{Hash: "a"}, "b", 0, false},
	} {
		if got := tc.stamp.Covers(tc.running, tc.generation); got != tc.want {
			t.Errorf("%s: %v", tc.why, got)
		}
	}
}

func TestAlias(t *testing.T) {
	k := NewKey()
	sealed := k.SealAlias(Alias{Hash: "new", Of: "old"}, "u")
	for encoded, want := range map[string]Hash{
		sealed: "old", "": "new", "new old": "new", strings.Replace(sealed, "new", "other", 1): "new",
		k.SealAlias(Alias{Hash: "other", Of: "old"}, "u"): "new", k.SealAlias(Alias{Hash: "new", Of: "old"}, "v"): "new",
	} {
		if got := k.OpenAlias(encoded, "u").Resolve("new"); got != want {
			t.Errorf("%q: new is known as %q, want %q", encoded, got, want)
		}
	}
	if got := k.SealAlias(Alias{Hash: "a", Of: "a"}, "u"); got != "" {
		t.Errorf("a template that is known by its own hash is written as %q", got)
	}
}

// FuzzOpenStamp: what nobody sealed is never a stamp.
func FuzzOpenStamp(f *testing.F) {
	k := Key(strings.Repeat("k", KeySize))
	f.Add(k.SealStamp(Stamp{"a", 3}, "u"), "v")
	f.Add("a b", "u")
	f.Fuzz(func(t *testing.T, encoded, uid string) {
		stamp, ours := k.OpenStamp(encoded, types.UID(uid))
		if ours && k.SealStamp(stamp, types.UID(uid)) != encoded {
			t.Errorf("%q is read as %+v", encoded, stamp)
		}
		PeekStamp(encoded)
	})
}
