package httproute

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// The keys of changes, which name places: of a rule, and of a backend in it.
const (
	weight  = "weight"     // weight.RULE.BACKEND=N
	app     = "append"     // append.RULE=BACKEND, behind the last
	insert  = "insert"     // insert.RULE=BACKEND, before the first
	cut     = "cut"        // cut.RULE.BACKEND=yes
	drop    = "drop"       // drop.RULE=yes
	swap    = "swap"       // swap.RULE=yes, with the one behind it
	copied  = "copy"       // copy.RULE=yes, behind the last
	add     = "add"        // add.NAME=BACKENDS, a rule behind the last
	waiting = "timeout-of" // timeout-of.RULE=TIME
	saying  = "header-of"  // header-of.RULE=TEXT
)

// Resolve has every word name a place that the route has, whatever number it says, and leaves out those that
// have none: a sequence does not know how many rules there are. Each is made in the route before the next is
// looked at.
func Resolve(words []sequence.Word, of Object) ([]sequence.Word, error) {
	of = runtime.DeepCopyJSON(of)
	var out []sequence.Word
	for _, w := range words {
		placed, is, err := place(w, of)
		if err != nil {
			return nil, err
		}
		if !is {
			continue
		}
		if err := Change(of, placed); err != nil {
			return nil, err
		}
		out = append(out, placed)
	}
	return out, nil
}

func place(w sequence.Word, of Object) (sequence.Word, bool, error) {
	head, rest, _ := strings.Cut(w.Key, ".")
	if !slices.Contains([]string{weight, app, insert, cut, drop, swap, copied, waiting, saying}, head) {
		return w, true, nil
	}
	rules := Rules(of)
	if len(rules) == 0 || head == drop && len(rules) < 2 || head == swap && len(rules) < 2 || head == copied && len(rules) > 5 {
		return w, false, nil
	}
	first, second, twice := strings.Cut(rest, ".")
	r, err := strconv.Atoi(first)
	if err != nil {
		return w, false, fmt.Errorf("read place %q: %w", w, err)
	}
	most := len(rules)
	if head == swap {
		most--
	}
	r %= most
	w.Key = fmt.Sprintf("%s.%d", head, r)
	backends := Backends(rules[r])
	if !twice {
		// Where there is no list of backends nothing can be put into it by a JSON patch.
		return w, head != app && head != insert || len(backends) > 0 && len(backends) < 5, nil
	}
	b, err := strconv.Atoi(second)
	if err != nil {
		return w, false, fmt.Errorf("read place %q: %w", w, err)
	}
	if len(backends) == 0 {
		return w, false, nil
	}
	w.Key += fmt.Sprintf(".%d", b%len(backends))
	return w, true, nil
}

// Change makes changes in a route, one after the other. Their places are those of Resolve.
func Change(o Object, words ...sequence.Word) error {
	for _, w := range words {
		if err := change(o, w); err != nil {
			return fmt.Errorf("make %q: %w", w, err)
		}
	}
	return nil
}

func change(o Object, w sequence.Word) error {
	head, rest, _ := strings.Cut(w.Key, ".")
	rules := Rules(o)
	set := func(rules []any) { child(o, "spec")["rules"] = rules }
	if head == add {
		r, err := newRule(rest, w.Value)
		if err == nil {
			set(append(rules, r))
		}
		return err
	}
	if !slices.Contains([]string{weight, app, insert, cut, drop, swap, copied, waiting, saying}, head) {
		return around(o, head, rest, w)
	}
	first, second, _ := strings.Cut(rest, ".")
	r, err := strconv.Atoi(first)
	if err != nil || r >= len(rules) {
		return fmt.Errorf("there is no rule %s", first)
	}
	fields, _ := rules[r].(Object)
	backends := Backends(fields)
	switch head {
	case drop:
		set(slices.Delete(rules, r, r+1))
	case swap:
		rules[r], rules[r+1] = rules[r+1], rules[r]
	case copied:
		set(append(rules, runtime.DeepCopyJSONValue(rules[r])))
	case waiting:
		ofRule(fields, timeout, w)
	case saying:
		ofRule(fields, header, w)
	case app, insert:
		b, err := backendOf(w.Value)
		if err != nil {
			return err
		}
		if head == insert {
			fields["backendRefs"] = append([]any{b}, backends...)
		} else {
			fields["backendRefs"] = append(backends, b)
		}
	default:
		b, err := strconv.Atoi(second)
		if err != nil || b >= len(backends) {
			return fmt.Errorf("rule %d has no backend %s", r, second)
		}
		return ofBackend(fields, head, b, w.Value)
	}
	return nil
}

func ofBackend(rule Object, head string, b int, value string) error {
	backends := Backends(rule)
	if head == cut {
		rule["backendRefs"] = slices.Delete(backends, b, b+1)
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return err
	}
	backend, _ := backends[b].(Object)
	backend["weight"] = n
	return nil
}

// EditYAML makes changes in a text, as a person does in an editor.
func EditYAML(data []byte, words []sequence.Word) ([]byte, error) {
	o, err := Decode(data)
	if err != nil {
		return nil, err
	}
	if err := Change(o, words...); err != nil {
		return nil, err
	}
	return encode(o)
}

// EditKept makes changes in a text that was read, and leaves out what only servers write, as people do who
// keep it.
func EditKept(data []byte, words []sequence.Word) ([]byte, error) {
	o, err := Decode(data)
	if err != nil {
		return nil, err
	}
	delete(o, "status")
	metadata, _ := o["metadata"].(Object)
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "namespace"} {
		delete(metadata, field)
	}
	if err := Change(o, words...); err != nil {
		return nil, err
	}
	return encode(o)
}

// AsSeen are the changes of a text without a share that mean what these mean in one that was read with the
// share on it. Where they change a weight of a rule, or add a backend to it, all weights of the rule are
// those that stand there: what the canary has is its giver's, before and after. A word that writes the weight
// that stands there already changes nothing, and neither does one of a backend that the next word cuts, or
// gives another.
func AsSeen(words []sequence.Word, read Object) (before, kept []sequence.Word) {
	done := map[string]bool{}
	for i, w := range words {
		head, rest, _ := strings.Cut(w.Key, ".")
		first, second, _ := strings.Cut(rest, ".")
		r, err := strconv.Atoi(first)
		rules := Rules(read)
		if head == weight && i+1 < len(words) && (words[i+1].Key == cut+"."+rest || words[i+1].Key == w.Key) {
			continue
		}
		if head != weight && head != app && head != insert || err != nil || r >= len(rules) {
			kept = append(kept, w)
			continue
		}
		own, canaries := Apart(Backends(rules[r]))
		given := GivenBack(own, canaries)
		if b, err := strconv.Atoi(second); head == weight && err == nil && b < len(own) && len(canaries) > 0 {
			if fmt.Sprint(WeightOf(own[b])) == w.Value {
				continue
			}
			if n, err := strconv.ParseInt(w.Value, 10, 64); err == nil {
				w.Value = strconv.FormatInt(n+given[b]-WeightOf(own[b]), 10)
			}
		}
		kept = append(kept, w)
		if done[first] || len(canaries) == 0 {
			continue
		}
		done[first] = true
		for b, n := range given {
			before = append(before, sequence.Word{Key: fmt.Sprintf("%s.%d.%d", weight, r, b), Value: strconv.FormatInt(n, 10)})
		}
	}
	return before, kept
}

// Brings says which backend a change puts beside those of which rule, and whether it does.
func Brings(w sequence.Word) (rule int, backend any, does bool) {
	head, first, _ := strings.Cut(w.Key, ".")
	if head != app && head != insert {
		return 0, nil, false
	}
	rule, err := strconv.Atoi(first)
	if err != nil {
		return 0, nil, false
	}
	backend, err = backendOf(w.Value)
	return rule, backend, err == nil
}

// Same says whether two backends are the same, but for what the API server fills in.
func Same(a, b any) bool {
	return NameOf(a) == NameOf(b) && port(a) == port(b) && WeightOf(a) == WeightOf(b)
}

// Apart are the backends of a rule that are its user's, and those that are canaries.
func Apart(backends []any) (own, canaries []any) {
	for _, b := range backends {
		if strings.HasPrefix(NameOf(b), Name+"-canary-") {
			canaries = append(canaries, b)
		} else {
			own = append(own, b)
		}
	}
	return own, canaries
}

// GivenBack are the weights of the user's backends where each canary's is given back: they stand in the order
// of those that gave them.
func GivenBack(own, canaries []any) []int64 {
	out := make([]int64, len(own))
	next := 0
	for i, b := range own {
		out[i] = WeightOf(b)
		if NameOf(b) == Name && WeightOf(b) > 0 && next < len(canaries) && port(canaries[next]) == port(b) {
			out[i] += WeightOf(canaries[next])
			next++
		}
	}
	return out
}

func port(backend any) any {
	fields, _ := backend.(Object)
	return fields["port"]
}
