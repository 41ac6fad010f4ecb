package route

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/internal/hold"
)

func rules(t *testing.T, encoded string) []any {
	t.Helper()
	var out []any
	if err := utiljson.Unmarshal([]byte(encoded), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func overlay(percent int64) Overlay {
	return Overlay{Namespace: "ns", Service: "shop", Canary: "shop-canary", Percent: percent}
}

func TestLay(t *testing.T) {
	for name, tc := range map[string]struct {
		percent    int64
		user, want string
	}{
		"a backend that says no weight": {5,
			`[{"backendRefs": [{"name": "shop", "port": 80}]}]`,
			`[{"backendRefs": [{"name": "shop", "port": 80, "weight": 19}, {"name": "shop-canary", "port": 80, "weight": 1}]}]`},
		"weights that need no factor": {5,
			`[{"backendRefs": [{"name": "shop", "weight": 100}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 95}, {"name": "shop-canary", "weight": 5}]}]`},
		"another Service keeps its share": {10,
			`[{"backendRefs": [{"name": "shop", "weight": 3}, {"name": "legacy", "weight": 1}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 27}, {"name": "legacy", "weight": 10}, {"name": "shop-canary", "weight": 3}]}]`},
		"a weight of 0 has nothing to give": {50,
			`[{"backendRefs": [{"name": "shop", "weight": 0}, {"name": "legacy", "weight": 1}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 0}, {"name": "legacy", "weight": 1}]}]`},
		"a rule for another Service stays": {50,
			`[{"backendRefs": [{"name": "legacy"}]}, {"filters": [{"type": "RequestRedirect"}]}]`,
			`[{"backendRefs": [{"name": "legacy"}]}, {"filters": [{"type": "RequestRedirect"}]}]`},
		"filters of a backend are the canary's too": {50,
			`[{"backendRefs": [{"name": "shop", "filters": [{"type": "URLRewrite"}]}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 1, "filters": [{"type": "URLRewrite"}]}, {"name": "shop-canary", "weight": 1, "filters": [{"type": "URLRewrite"}]}]}]`},
		"a Service of the name in another namespace, and what is no Service": {50,
			`[{"backendRefs": [{"name": "shop", "namespace": "else"}, {"name": "shop", "kind": "Bucket", "group": "aws"}]}]`,
			`[{"backendRefs": [{"name": "shop", "namespace": "else"}, {"name": "shop", "kind": "Bucket", "group": "aws"}]}]`},
		"two backends that are the Service, by their places": {25,
			`[{"backendRefs": [{"name": "shop", "port": 80, "weight": 1}, {"name": "shop", "port": 81, "weight": 3}]}]`,
			`[{"backendRefs": [{"name": "shop", "port": 80, "weight": 3}, {"name": "shop", "port": 81, "weight": 9}, {"name": "shop-canary", "port": 80, "weight": 1}, {"name": "shop-canary", "port": 81, "weight": 3}]}]`},
		"the largest weights are rounded": {1,
			`[{"backendRefs": [{"name": "shop", "weight": 10}, {"name": "legacy", "weight": 999999}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 9}, {"name": "legacy", "weight": 999999}, {"name": "shop-canary", "weight": 1}]}]`},
		"all of it": {100,
			`[{"backendRefs": [{"name": "shop", "weight": 7}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 0}, {"name": "shop-canary", "weight": 7}]}]`},
		"none of it": {0, `[{"backendRefs": [{"name": "shop"}]}]`, `[{"backendRefs": [{"name": "shop"}]}]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := gatewayAPI.Lay(overlay(tc.percent), rules(t, tc.user))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(rules(t, tc.want), got); diff != "" {
				t.Errorf("rules differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARuleWithoutRoomIsNamed(t *testing.T) {
	full := `[{"backendRefs": [{"name": "other"}]}, {"backendRefs": [{"name": "shop"}` + strings.Repeat(`, {"name": "other"}`, 15) + `]}]`
	_, err := gatewayAPI.Lay(overlay(5), rules(t, full))
	if err == nil || !strings.HasPrefix(err.Error(), "spec.rules[1].backendRefs: has 16 backends") {
		t.Errorf("err is %v", err)
	}
}

func TestWish(t *testing.T) {
	const user = `[{"backendRefs": [{"name": "shop", "weight": 90}, {"name": "legacy", "weight": 10}]}]`
	// At 5 % it stands so in the cluster: shop 171, legacy 20, canary 9.
	for name, tc := range map[string]struct {
		writer     Author
		sent, want string
		way        Way
	}{
		"the same manifest again": {Author{}, user, user, WayOwn},
		"another manifest": {Author{},
			`[{"backendRefs": [{"name": "shop", "weight": 1}]}]`, `[{"backendRefs": [{"name": "shop", "weight": 1}]}]`, WayOwn},
		"a weight set by one who has seen the others": {Author{},
			`[{"backendRefs": [{"name": "shop", "weight": 171}, {"name": "legacy", "weight": 0}, {"name": "shop-canary", "weight": 9}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 180}, {"name": "legacy", "weight": 0}]}]`, WayDifference},
		"a weight set by one who has not": {Author{Blind: true},
			`[{"backendRefs": [{"name": "shop", "weight": 171}, {"name": "legacy", "weight": 30}, {"name": "shop-canary", "weight": 9}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 90}, {"name": "legacy", "weight": 30}]}]`, WayDifference},
		"weights exchanged with the canary's": {Author{},
			`[{"backendRefs": [{"name": "shop", "weight": 9}, {"name": "legacy", "weight": 20}, {"name": "shop-canary", "weight": 171}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 180}, {"name": "legacy", "weight": 20}]}]`, WayDifference},
		"a rule comes that was made of one of another route": {Author{},
			`[{"matches": [], "name": "new", "backendRefs": [{"name": "shop", "weight": 19}, {"name": "shop-canary", "weight": 1}]}, {}]`,
			`[{"matches": [], "name": "new", "backendRefs": [{"name": "shop", "weight": 20}]}, {}]`, WayDifference},
		"all rules go": {Author{}, `[]`, `[]`, WayOwn},
	} {
		t.Run(name, func(t *testing.T) {
			laid, err := gatewayAPI.Lay(overlay(5), rules(t, user))
			if err != nil {
				t.Fatal(err)
			}
			got, way := gatewayAPI.Wish(Standing{overlay(5), rules(t, user), laid}, tc.writer, rules(t, tc.sent))
			if diff := cmp.Diff(rules(t, tc.want), got); diff != "" {
				t.Errorf("the wish differs (-want +got):\n%s", diff)
			}
			if way != tc.way {
				t.Errorf("way is %s, want %s", way, tc.way)
			}
		})
	}
}

// TestWishOfWhatIsThereTwice: backends that are the same but for their weights, and rules that are copies.
func TestWishOfWhatIsThereTwice(t *testing.T) {
	for name, tc := range map[string]struct{ user, sent, want string }{
		"a weight of one of two": { // at 20 % it stands so: 12 and 20, and 3 and 5 of the canary
			`[{"backendRefs": [{"name": "shop", "weight": 3}, {"name": "shop", "weight": 5}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 12}, {"name": "shop", "weight": 40}, {"name": "shop-canary", "weight": 3}, {"name": "shop-canary", "weight": 5}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 15}, {"name": "shop", "weight": 45}]}]`},
		"one more comes, which has given nothing": {
			`[{"backendRefs": [{"name": "shop", "weight": 3}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 50}, {"name": "shop", "weight": 12}, {"name": "shop-canary", "weight": 3}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 50}, {"name": "shop", "weight": 15}]}]`},
		"one more comes, and both have new weights: the first is the one that was there": { // it stands so: 4, 5 and 1
			`[{"backendRefs": [{"name": "shop", "weight": 1}, {"name": "legacy", "weight": 1}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 28}, {"name": "shop", "weight": 90}, {"name": "legacy", "weight": 5}, {"name": "shop-canary", "weight": 1}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 29}, {"name": "shop", "weight": 90}, {"name": "legacy", "weight": 5}]}]`},
		"one more comes with the weight of another, and their order tells which": { // it stands so: 10, 8 and 2
			`[{"backendRefs": [{"name": "legacy", "weight": 10}, {"name": "shop", "weight": 10}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 8}, {"name": "legacy", "weight": 10}, {"name": "shop", "weight": 8}, {"name": "shop-canary", "weight": 2}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 8}, {"name": "legacy", "weight": 10}, {"name": "shop", "weight": 10}]}]`},
		"a rule goes, and the one behind it changes: it is the one for the same requests": { // both stand so: 4 and 1
			`[{"matches": [{"path": {"value": "/a"}}], "backendRefs": [{"name": "shop", "weight": 5}]}, {"matches": [{"path": {"value": "/b"}}], "backendRefs": [{"name": "shop", "weight": 1}]}]`,
			`[{"matches": [{"path": {"value": "/b"}}], "timeouts": {}, "backendRefs": [{"name": "shop", "weight": 4}, {"name": "shop-canary", "weight": 1}]}]`,
			`[{"matches": [{"path": {"value": "/b"}}], "timeouts": {}, "backendRefs": [{"name": "shop", "weight": 1}]}]`},
		"a rule that is changed, and copied": {
			`[{"backendRefs": [{"name": "shop", "weight": 9}]}]`,
			`[{"timeouts": {}, "backendRefs": [{"name": "shop", "weight": 36}, {"name": "shop-canary", "weight": 9}]}, {"timeouts": {}, "backendRefs": [{"name": "shop", "weight": 36}, {"name": "shop-canary", "weight": 9}]}]`,
			`[{"timeouts": {}, "backendRefs": [{"name": "shop", "weight": 9}]}, {"timeouts": {}, "backendRefs": [{"name": "shop", "weight": 9}]}]`},
	} {
		t.Run(name, func(t *testing.T) {
			laid, err := gatewayAPI.Lay(overlay(20), rules(t, tc.user))
			if err != nil {
				t.Fatal(err)
			}
			got, _ := gatewayAPI.Wish(Standing{overlay(20), rules(t, tc.user), laid}, Author{}, rules(t, tc.sent))
			if diff := cmp.Diff(rules(t, tc.want), got); diff != "" {
				t.Errorf("the wish differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWishOfABlindWriterGoesByOrder: who puts a backend in front with the weight that another has as laid has
// not changed that of the other.
func TestWishOfABlindWriterGoesByOrder(t *testing.T) {
	user := rules(t, `[{"backendRefs": [{"name": "shop", "weight": 1}, {"name": "legacy", "weight": 10}]}]`)
	laid, err := gatewayAPI.Lay(overlay(20), user)
	if err != nil {
		t.Fatal(err)
	}
	sent := rules(t, `[{"backendRefs": [{"name": "legacy", "weight": 50}, {"name": "shop", "weight": 4}, {"name": "legacy", "weight": 50}, {"name": "shop-canary", "weight": 1}]}]`)
	want := rules(t, `[{"backendRefs": [{"name": "legacy", "weight": 50}, {"name": "shop", "weight": 1}, {"name": "legacy", "weight": 10}]}]`)
	got, _ := gatewayAPI.Wish(Standing{overlay(20), user, laid}, Author{Blind: true}, sent)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the wish differs (-want +got):\n%s", diff)
	}
}

func TestRecordsOpenWhereTheyWereSealed(t *testing.T) {
	key := hold.NewKey()
	record := Record{UID: "u", Run: "shop-1", Service: "shop", Canary: "shop-canary", Percent: 5, Rules: rules(t, `[{"name": "<&>", "backendRefs": [{"weight": 1000000}]}]`)}
	encoded, err := Seal(key, record)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := Seal(key, record)
	if again != encoded {
		t.Error("the same record has two seals")
	}
	got, err := Open(key, encoded, "u")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(record, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, bad := range map[string]func() (Record, error){
		"of another route": func() (Record, error) { return Open(key, encoded, "v") },
		"by another key":   func() (Record, error) { return Open(hold.NewKey(), encoded, "u") },
		"with another text": func() (Record, error) {
			return Open(key, strings.Replace(encoded, `"percent":5`, `"percent":99`, 1), "u")
		},
		"of no text at all": func() (Record, error) { return Open(key, "{}", "u") },
		"of anything":       func() (Record, error) { return Open(key, "x", "u") },
	} {
		if _, err := bad(); !errors.Is(err, ErrSeal) {
			t.Errorf("%s: err is %v", name, err)
		}
	}
}

func TestRulesOfAnyShapeDoNoHarm(t *testing.T) {
	for _, shape := range []string{`[1, null, "x", [], {"backendRefs": 7}]`, `[{"backendRefs": [1, null, {"name": 7}, {"name": "shop", "weight": "x"}]}]`} {
		in := rules(t, shape)
		laid, err := gatewayAPI.Lay(overlay(5), in)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := gatewayAPI.Wish(Standing{overlay(5), in, laid}, Author{}, laid)
		if diff := cmp.Diff(in, got); diff != "" {
			t.Error(diff)
		}
		gatewayAPI.Wish(Standing{overlay(5), in, laid}, Author{}, rules(t, `[{"backendRefs": [{"name": "shop-canary"}]}]`))
	}
}
