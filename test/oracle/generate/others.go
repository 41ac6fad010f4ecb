package generate

import (
	"fmt"
	"strconv"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// other is a kind of command behind the first.
type other struct {
	weight func(*generator) int
	make   func(*generator) sequence.Command
}

// always is a weight that does not depend on anything.
func always(n int) func(*generator) int { return func(*generator) int { return n } }

func words(verb sequence.Verb, from []feature) func(*generator) sequence.Command {
	return func(g *generator) sequence.Command { return sequence.Command{Verb: verb, Words: g.some(from)} }
}

// one is a command with a single fresh setting.
func one(verb sequence.Verb, from []feature) func(*generator) sequence.Command {
	return func(g *generator) sequence.Command {
		return sequence.Command{Verb: verb, Words: []sequence.Word{g.set(pick(g, from))}}
	}
}

func bare(verb sequence.Verb) func(*generator) sequence.Command {
	return func(*generator) sequence.Command { return sequence.Command{Verb: verb} }
}

// others are all kinds, with how often they come.
var others = []other{
	{always(34), (*generator).again},
	{always(6), (*generator).otherTool},
	{always(3), func(g *generator) sequence.Command { return g.whole(sequence.Replace, g.changed()) }},
	{always(3), (*generator).recreate},
	{always(8), (*generator).setImage},
	{always(5), words(sequence.SetEnv, variables)},
	{always(3), one(sequence.SetResources, resources)},
	{always(5), words(sequence.PatchStrategic, features)},
	{always(4), words(sequence.PatchMerge, mergeFeatures)},
	{always(4), words(sequence.PatchJSON, jsonFeatures)},
	{always(5), words(sequence.Edit, features)},
	{always(4), words(sequence.RereadReplace, features)},
	{always(4), words(sequence.RereadApply, features)},
	{always(2), (*generator).rereadServer},
	{always(3), one(sequence.Scale, replicas)},
	{always(1), autoscale},
	{always(2), words(sequence.Label, labels)},
	{always(3), words(sequence.Annotate, annotations)},
	{always(5), one(sequence.Annotate, causes)},
	{always(2), causeTakenOff},
	{always(2), bare(sequence.Undo)},
	{always(1), undoTo},
	{always(6), bare(sequence.Restart)},
	{always(5), restartByOthers},
	{always(3), restartWithUpdate},
	{(*generator).pausing, bare(sequence.Pause)},
	{(*generator).resuming, bare(sequence.Resume)},
	{(*generator).stopping, func(*generator) sequence.Command { return scale("0") }},
	{(*generator).starting, func(g *generator) sequence.Command { return scale(pick(g, []string{"1", "2"})) }},
	{(*generator).rollingBack, (*generator).rollback},
	{always(16), bare(sequence.Release)},
	{always(6), bare(sequence.Revert)},
}

// mark is what Rancher, Reloader or an operator of secrets leaves in a template to restart its pods.
func mark(g *generator) sequence.Word {
	return pick(g, []sequence.Word{
		{Key: "annotation.cattle.io/timestamp", Value: g.value("t")},
		{Key: "annotation.reloader.stakater.com/last-reloaded-from", Value: g.value("s")},
		{Key: "annotation.vso.secrets.hashicorp.com/restartedAt", Value: g.value("t")},
		{Key: "env.STAKATER_DB_SECRET", Value: fmt.Sprintf("%040x", g.rand.Uint32())},
	})
}

func restartByOthers(g *generator) sequence.Command {
	return sequence.Command{Verb: sequence.PatchStrategic, Words: []sequence.Word{mark(g)}}
}

// restartWithUpdate is a mark that comes with an update, as Rancher sends it: no restart.
func restartWithUpdate(g *generator) sequence.Command {
	verb := pick(g, []sequence.Verb{sequence.PatchStrategic, sequence.PatchStrategic, sequence.Edit, sequence.RereadReplace})
	return sequence.Command{Verb: verb, Words: []sequence.Word{mark(g), {Key: "image", Value: g.value("v")}}}
}

// causeTakenOff is a change-cause that is to be that of no other revision.
func causeTakenOff(*generator) sequence.Command {
	return sequence.Command{Verb: sequence.Annotate, Words: []sequence.Word{{Key: causes[0].key, Drop: true}}}
}

// again is the owner's next manifest.
func (g *generator) again() sequence.Command {
	verb := g.owner
	if verb == sequence.Create {
		verb = pick(g, []sequence.Verb{sequence.Apply, sequence.Replace})
	}
	return g.whole(verb, g.changed())
}

// otherTool is a manifest that someone else sends.
func (g *generator) otherTool() sequence.Command {
	verb := pick(g, []sequence.Verb{sequence.Apply, sequence.ServerApply, sequence.ServerApply, sequence.Helm3, sequence.Helm4})
	c := sequence.Command{Verb: verb, Words: g.changed()}
	if verb == sequence.ServerApply {
		by := sequence.Word{Key: sequence.By, Value: pick(g, []string{"ci", "robot"})}
		c.Words = append([]sequence.Word{by}, c.Words...)
	}
	return c
}

// rereadServer is by someone else than the owner: an applier of all there is drops nothing of it later.
func (g *generator) rereadServer() sequence.Command {
	by := sequence.Word{Key: sequence.By, Value: pick(g, []string{"ci", "robot"})}
	return sequence.Command{Verb: sequence.RereadServer, Words: append([]sequence.Word{by}, g.some(features)...)}
}

func (g *generator) recreate() sequence.Command {
	c := g.whole(g.owner, g.changed())
	with := sequence.Word{Key: sequence.With, Value: string(c.Verb)}
	return sequence.Command{Verb: sequence.Recreate, Words: append([]sequence.Word{with}, c.Words...)}
}

// setImage is of containers that there are.
func (g *generator) setImage() sequence.Command {
	c := sequence.Command{Verb: sequence.SetImage, Words: []sequence.Word{{Key: "image", Value: g.value("v")}}}
	for _, w := range g.current {
		if w.Key == "side" && g.chance(50) {
			c.Words = append(c.Words, sequence.Word{Key: "side", Value: g.value("s")})
		}
	}
	return c
}

func autoscale(g *generator) sequence.Command {
	return sequence.Command{Verb: sequence.Autoscale, Words: []sequence.Word{
		{Key: sequence.Min, Value: "1"}, {Key: sequence.Max, Value: strconv.Itoa(3 + g.rand.IntN(3))},
	}}
}

// undoTo is to one of the first templates: more of them may never have been asked for.
func undoTo(g *generator) sequence.Command {
	to := 1 + g.rand.IntN(len(g.given))
	return sequence.Command{Verb: sequence.Undo, Words: []sequence.Word{{Key: sequence.To, Value: strconv.Itoa(to)}}}
}

func (g *generator) pausing() int {
	if g.paused {
		return 0
	}
	return 7
}

// resuming comes soon: while a Deployment is paused little happens.
func (g *generator) resuming() int {
	if g.paused {
		return 40
	}
	return 1
}

func (g *generator) stopping() int {
	if g.stopped {
		return 0
	}
	return 4
}

// starting comes soon: while a Deployment has no pods all of its updates pass.
func (g *generator) starting() int {
	if g.stopped {
		return 40
	}
	return 0
}

func scale(to string) sequence.Command {
	return sequence.Command{Verb: sequence.Scale, Words: []sequence.Word{{Key: replicas[0].key, Value: to}}}
}

func (g *generator) rollingBack() int {
	if g.releases > 1 {
		return 8
	}
	return 0
}

func (g *generator) rollback() sequence.Command {
	verb := sequence.Helm3Rollback
	if g.owner == sequence.Helm4 || g.owner != sequence.Helm3 && g.chance(50) {
		verb = sequence.Helm4Rollback
	}
	c := sequence.Command{Verb: verb}
	if g.chance(40) {
		c.Words = []sequence.Word{{Key: sequence.To, Value: strconv.Itoa(1 + g.rand.IntN(g.releases))}}
	}
	g.releases++
	return c
}
