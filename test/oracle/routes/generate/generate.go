// Package generate makes sequences of commands that write a route while runs come and go. It is pure: one
// seed, one sequence.
package generate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Sequence makes the sequence of a seed. One tool, the owner, sends most of the manifests; others come in
// between.
func Sequence(seed uint64) sequence.Sequence {
	g := &generator{rand: rand.New(rand.NewPCG(seed, seed))}
	g.owner = pick(g, []sequence.Verb{
		sequence.Apply, sequence.Apply, sequence.Apply, sequence.ServerApply, sequence.ServerApply, sequence.ServerApply,
		sequence.Create, sequence.Create, sequence.Helm3, sequence.Helm4,
	})
	g.manager = pick(g, []string{sequence.Owner, "deployer", "deployer"})
	g.current = []sequence.Word{{Key: "rule.a", Value: g.backends(true)}}
	for range g.rand.IntN(4) {
		g.vary()
	}
	g.give(g.whole(g.owner))
	if g.chance(85) {
		g.give(g.begin())
	}
	for range shortest + g.rand.IntN(longest-shortest+1) {
		g.give(g.next())
	}
	return sequence.Sequence{Seed: seed, Commands: g.given}
}

// How many commands come behind the first.
const (
	shortest = 4
	longest  = 9
)

type generator struct {
	rand    *rand.Rand
	owner   sequence.Verb
	manager string // of the owner, if that applies server-side
	current []sequence.Word
	earlier [][]sequence.Word
	fresh   int
	running bool
	share   int // how many shares the run has had
	kept    bool
	given   []sequence.Command
}

func (g *generator) give(c sequence.Command) {
	g.given = append(g.given, c)
	verb := c.Verb
	if verb == sequence.Recreate {
		verb = sequence.Verb(c.Option(sequence.With))
	}
	switch verb {
	case sequence.Begin:
		g.running, g.share = true, 1
	case sequence.Next:
		g.share++
	case sequence.End:
		g.running = false
	case sequence.Keep:
		g.kept = true
	}
	if verb.Whole() && c.Option(sequence.Part) == "" {
		g.current = c.Settings()
		g.earlier = append(g.earlier, g.current)
	}
}

// Shares are those that a run has, one after the other, in percent.
var Shares = []int64{20, 5, 50}

type other struct {
	weight int
	make   func(*generator) sequence.Command
}

func (g *generator) next() sequence.Command {
	all := others
	if g.running && g.share < len(Shares) {
		all = append(slices.Clone(all), other{8, (*generator).nextShare})
	}
	if g.running {
		all = append(slices.Clone(all), other{9, (*generator).end}, other{3, (*generator).begin})
	} else {
		all = append(slices.Clone(all), other{40, (*generator).begin})
	}
	if g.kept {
		all = append(slices.Clone(all), other{8, (*generator).resend})
	}
	total := 0
	for _, o := range all {
		total += o.weight
	}
	n := g.rand.IntN(total)
	for _, o := range all {
		if n -= o.weight; n < 0 {
			return o.make(g)
		}
	}
	panic("unreachable: n is less than the sum of the weights")
}

var others = []other{
	{26, (*generator).again},
	{5, (*generator).otherTool},
	{4, func(g *generator) sequence.Command { return g.changed(sequence.Replace) }},
	{3, func(g *generator) sequence.Command {
		c := g.changed(g.owner)
		return sequence.Command{Verb: sequence.Recreate, Words: append([]sequence.Word{{Key: sequence.With, Value: string(g.owner)}}, c.Words...)}
	}},
	{9, (*generator).merge},
	{14, func(g *generator) sequence.Command {
		return sequence.Command{Verb: sequence.PatchJSON, Words: g.changes(jsonChanges)}
	}},
	{8, func(g *generator) sequence.Command {
		return sequence.Command{Verb: sequence.Edit, Words: g.changes(textChanges)}
	}},
	{5, func(g *generator) sequence.Command {
		return sequence.Command{Verb: sequence.RereadReplace, Words: g.changes(textChanges)}
	}},
	{5, func(g *generator) sequence.Command {
		return sequence.Command{Verb: sequence.RereadApply, Words: g.changes(textChanges)}
	}},
	{4, func(g *generator) sequence.Command {
		return sequence.Command{Verb: sequence.RereadServer, Words: append(g.by(), g.changes(textChanges)...)}
	}},
	{5, func(*generator) sequence.Command { return sequence.Command{Verb: sequence.Keep} }},
	{2, func(g *generator) sequence.Command {
		return sequence.Command{Verb: sequence.Label, Words: []sequence.Word{g.around("meta-label")}}
	}},
	{3, func(g *generator) sequence.Command {
		return sequence.Command{Verb: sequence.Annotate, Words: []sequence.Word{g.around("meta-annotation")}}
	}},
	{4, (*generator).part},
}

func (g *generator) begin() sequence.Command { return g.waited(sequence.Command{Verb: sequence.Begin}) }
func (g *generator) nextShare() sequence.Command {
	return g.waited(sequence.Command{Verb: sequence.Next})
}

// Ends are the ways in which a run ends.
var Ends = []string{"abort", "promote", "withdraw", "delete"}

func (g *generator) end() sequence.Command {
	how := pick(g, []string{Ends[0], Ends[0], Ends[0], Ends[1], Ends[2], Ends[2], Ends[3]})
	return g.waited(sequence.Command{Verb: sequence.End, Words: []sequence.Word{{Key: sequence.How, Value: how}}})
}

// waited lets the next command come at any moment, now and then.
func (g *generator) waited(c sequence.Command) sequence.Command {
	if g.chance(35) {
		c.Words = append(c.Words, sequence.Word{Key: sequence.Wait, Value: sequence.No})
	}
	return c
}

// again sends the manifest of the owner, half of the time as it was.
func (g *generator) again() sequence.Command {
	if g.chance(45) {
		return g.whole(g.owner)
	}
	return g.changed(g.owner)
}

func (g *generator) otherTool() sequence.Command {
	return g.changed(pick(g, []sequence.Verb{sequence.Apply, sequence.ServerApply, sequence.ServerApply}))
}

// whole sends the current manifest with a tool.
func (g *generator) whole(verb sequence.Verb) sequence.Command {
	if verb == sequence.Create && len(g.given) > 0 {
		verb = sequence.Replace
	}
	c := sequence.Command{Verb: verb, Words: slices.Clone(g.current)}
	if verb == sequence.ServerApply {
		c.Words = append([]sequence.Word{{Key: sequence.By, Value: g.manager}}, c.Words...)
	}
	return c
}

// changed sends it with changes, or one that was sent before.
func (g *generator) changed(verb sequence.Verb) sequence.Command {
	before := g.current
	if g.chance(20) {
		g.current = pick(g, g.earlier)
	} else {
		g.current = slices.Clone(g.current)
		for range 1 + g.rand.IntN(2) {
			g.vary()
		}
	}
	c := g.whole(verb)
	g.current = before // give sets it
	return c
}

// part is a server-side apply of what is not in the rules, by somebody else.
func (g *generator) part() sequence.Command {
	return sequence.Command{Verb: sequence.ServerApply, Words: []sequence.Word{
		{Key: sequence.By, Value: "dns"}, {Key: sequence.Part, Value: sequence.Yes}, g.around(pick(g, []string{"meta-label", "meta-annotation", "host"})),
	}}
}

func (g *generator) by() []sequence.Word {
	return []sequence.Word{{Key: sequence.By, Value: pick(g, []string{"deployer", "dns", "ci"})}}
}

// vary makes one change of the manifest.
func (g *generator) vary() {
	names := g.rules()
	name := pick(g, names)
	switch n := g.rand.IntN(20); {
	case n < 6:
		g.set("rule."+name, g.backends(false))
	case n < 9:
		g.set("timeout."+name, g.value("")+"s")
	case n < 11:
		g.set("header."+name, g.value("v"))
	case n < 12:
		g.set("name."+name, g.value("n"))
	case n < 15 && len(names) < 4:
		g.set(fmt.Sprintf("rule.r%d", g.rand.IntN(8)), g.backends(false))
	case n < 17 && len(names) > 1:
		g.current = slices.DeleteFunc(slices.Clone(g.current), func(w sequence.Word) bool { return strings.HasSuffix(w.Key, "."+name) })
	case n < 18 && len(names) > 1: // the last rule comes first
		last := names[len(names)-1]
		var front, back []sequence.Word
		for _, w := range g.current {
			if strings.HasSuffix(w.Key, "."+last) {
				front = append(front, w)
			} else {
				back = append(back, w)
			}
		}
		g.current = slices.Concat(front, back)
	default:
		w := g.around(pick(g, []string{"meta-label", "meta-annotation", "host"}))
		g.set(w.Key, w.Value)
	}
}

// rules are the names of the rules of the manifest.
func (g *generator) rules() []string {
	var out []string
	for _, w := range g.current {
		if name, is := strings.CutPrefix(w.Key, "rule."); is {
			out = append(out, name)
		}
	}
	return out
}

func (g *generator) set(key, value string) {
	for i := range g.current {
		if g.current[i].Key == key {
			g.current[i].Value = value
			return
		}
	}
	g.current = append(g.current, sequence.Word{Key: key, Value: value})
}

// backends are those of a rule: the Service of the Deployment among others, now and then not.
func (g *generator) backends(reaches bool) string {
	switch n := g.rand.IntN(20); {
	case n < 6:
		return "web"
	case n < 9:
		return "web:" + g.weight()
	case n < 12:
		return "web:" + g.weight() + ",old:" + g.weight()
	case n < 14:
		return "old:" + g.weight() + ",web:" + g.weight()
	case n < 15:
		return "web:" + g.weight() + ",web@81:" + g.weight()
	case n < 16:
		return "web:" + g.weight() + ",web:" + g.weight()
	case n < 17:
		return "web:" + g.weight() + ",old,new:" + g.weight()
	case n < 18 && !reaches:
		return "old"
	case n < 19 && !reaches:
		return "web:0,old:" + g.weight()
	}
	return "web,old"
}

func (g *generator) weight() string {
	return pick(g, []string{"1", "2", "3", "9", "90", "10", "50", g.value(""), g.value("1"), g.value("2")})
}

func (g *generator) around(head string) sequence.Word {
	switch head {
	case "host":
		return sequence.Word{Key: "host", Value: g.value("h") + ".example"}
	case "meta-label":
		return sequence.Word{Key: "meta-label." + pick(g, []string{"tier", "team"}), Value: g.value("t")}
	}
	return sequence.Word{Key: "meta-annotation." + pick(g, []string{"note", "who"}), Value: g.value("n")}
}

// merge is a merge patch: of all the rules, or of what is beside them.
func (g *generator) merge() sequence.Command {
	if g.chance(30) {
		return sequence.Command{Verb: sequence.PatchMerge, Words: []sequence.Word{g.around(pick(g, []string{"meta-label", "meta-annotation", "host"}))}}
	}
	before := g.current
	if g.chance(80) {
		g.current = slices.Clone(g.current)
		g.vary()
	}
	c := sequence.Command{Verb: sequence.PatchMerge, Words: slices.Clone(g.current)}
	g.current = before
	return c
}

// The kinds of changes of what is there.
var (
	jsonChanges = []string{"weight", "weight", "append", "insert", "cut", "timeout-of", "timeout-of", "add", "drop", "swap", "copy"}
	textChanges = []string{"weight", "append", "insert", "cut", "timeout-of", "timeout-of", "header-of", "add", "drop", "swap", "copy", "around", "around"}
)

// structural changes move rules, or backends, so that what comes behind them means another one. A backend
// that is appended stands behind the canary's.
var structural = []string{"append", "insert", "cut", "drop", "swap", "copy"}

// changes are one or two, of which only the last moves anything.
func (g *generator) changes(kinds []string) []sequence.Word {
	var out []sequence.Word
	for range 1 + g.rand.IntN(2) {
		kind := pick(g, kinds)
		out = append(out, g.change(kind))
		if slices.Contains(structural, kind) {
			break
		}
	}
	return out
}

func (g *generator) change(kind string) sequence.Word {
	rule := g.rand.IntN(6)
	at := fmt.Sprintf("%s.%d", kind, rule)
	switch kind {
	case "weight":
		return sequence.Word{Key: fmt.Sprintf("%s.%d", at, g.rand.IntN(4)), Value: g.weight()}
	case "append", "insert":
		return sequence.Word{Key: at, Value: pick(g, []string{"old", "web", "new", "web@82"}) + ":" + g.weight()}
	case "cut":
		return sequence.Word{Key: fmt.Sprintf("%s.%d", at, g.rand.IntN(4)), Value: sequence.Yes}
	case "timeout-of":
		return sequence.Word{Key: at, Value: g.value("") + "s"}
	case "header-of":
		return sequence.Word{Key: at, Value: g.value("v")}
	case "add":
		return sequence.Word{Key: "add." + g.value("x"), Value: g.backends(false)}
	case "around":
		return g.around(pick(g, []string{"meta-label", "meta-annotation", "host"}))
	}
	return sequence.Word{Key: at, Value: sequence.Yes}
}

// resend sends what was kept, with changes or without.
func (g *generator) resend() sequence.Command {
	with := pick(g, []sequence.Verb{sequence.Replace, sequence.Replace, sequence.Apply, sequence.ServerApply})
	words := []sequence.Word{{Key: sequence.With, Value: string(with)}}
	if with == sequence.ServerApply {
		words = append(words, g.by()...)
	}
	if g.chance(60) {
		words = append(words, g.changes(textChanges)...)
	}
	return sequence.Command{Verb: sequence.Resend, Words: words}
}

// value was never used before in this sequence.
func (g *generator) value(prefix string) string {
	g.fresh++
	return fmt.Sprintf("%s%d", prefix, g.fresh)
}

func (g *generator) chance(percent int) bool { return g.rand.IntN(100) < percent }

func pick[T any](g *generator, from []T) T { return from[g.rand.IntN(len(from))] }
