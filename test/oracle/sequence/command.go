// Package sequence has the commands that the oracle sends to Holdfast, and the form in which people
// read and keep them. It is pure.
//
// A sequence is a list of commands, one line each: a verb and what it says of the Deployment "web".
//
//	apply image=v1 env.A=1
//	set-image image=v2
//	patch-merge annotation.a=2 label.tier-
//	release
//
// A word is key=value or, to take something off, key-. The keys are options of the verb (By, To, …)
// or, for all others, settings of package manifest.
package sequence

import (
	"fmt"
	"slices"
	"strings"
)

// Verb is what a command does.
type Verb string

// The verbs of sequences of a Deployment. Those that send a whole manifest say all of it in their settings,
// the others what they change.
const (
	Create         Verb = "create"          // kubectl create -f
	Apply          Verb = "apply"           // kubectl apply, client-side
	ServerApply    Verb = "server-apply"    // kubectl apply --server-side as field manager By
	Replace        Verb = "replace"         // kubectl replace -f
	Recreate       Verb = "recreate"        // kubectl delete, then the verb With
	Helm3          Verb = "helm3"           // helm upgrade --install of Helm 3
	Helm4          Verb = "helm4"           // the same of Helm 4
	Helm3Rollback  Verb = "helm3-rollback"  // to the release before, or to release To
	Helm4Rollback  Verb = "helm4-rollback"  // the same of Helm 4
	SetImage       Verb = "set-image"       // kubectl set image
	SetEnv         Verb = "set-env"         // kubectl set env
	SetResources   Verb = "set-resources"   // kubectl set resources
	PatchStrategic Verb = "patch-strategic" // kubectl patch --type=strategic
	PatchMerge     Verb = "patch-merge"     // kubectl patch --type=merge
	PatchJSON      Verb = "patch-json"      // kubectl patch --type=json
	Edit           Verb = "edit"            // kubectl edit, with an editor that makes the settings
	RereadReplace  Verb = "reread-replace"  // kubectl get -o yaml, the settings made in it, kubectl replace -f
	RereadApply    Verb = "reread-apply"    // the same with kubectl apply, without what only servers write
	RereadServer   Verb = "reread-server"   // the same with kubectl apply --server-side as field manager By
	Scale          Verb = "scale"           // kubectl scale
	Autoscale      Verb = "autoscale"       // kubectl autoscale from Min to Max
	Label          Verb = "label"           // kubectl label --overwrite
	Annotate       Verb = "annotate"        // kubectl annotate --overwrite
	Undo           Verb = "undo"            // kubectl rollout undo; To is explained there
	Restart        Verb = "restart"         // kubectl rollout restart
	Pause          Verb = "pause"           // kubectl rollout pause
	Resume         Verb = "resume"          // kubectl rollout resume
	Release        Verb = "release"         // what is held is released, as by the evaluator
	Revert         Verb = "revert"          // what is held is rejected, as by the evaluator
)

// The verbs that come in sequences of a route only: what a run does to it, and texts that are kept for a
// while.
const (
	Begin  Verb = "begin"  // an update of the Deployment is held, and its run has the first share
	Next   Verb = "next"   // the run has the next share
	End    Verb = "end"    // the run ends; How says in which way
	Keep   Verb = "keep"   // kubectl get -o yaml, into a file
	Resend Verb = "resend" // that file, with the settings made in it, sent as With says
)

// Options of commands; every other key is a setting.
const (
	// By is the field manager of ServerApply and RereadServer. Owner is the one that does not force
	// conflicts.
	By = "by"
	// With is the verb by which Recreate creates, and Resend sends.
	With = "with"
	// To is, for Undo, which of the templates asked for so far, counted from 1, each once; the
	// revision that has it is looked up. For the rollbacks it is the number of the release.
	To = "to"
	// Min and Max are the bounds of Autoscale.
	Min = "min"
	// Max is the upper one.
	Max = "max"
	// How is the way in which a run ends.
	How = "how"
	// Wait is No for a command of a run that the next one does not wait for.
	Wait = "wait"
	// Part is Yes for a ServerApply that says a part of the route only.
	Part = "part"
)

// Yes and No are the values of options that are one or the other.
const (
	Yes = "yes"
	No  = "no"
)

// Owner is the one field manager whose ServerApply does not force conflicts.
const Owner = "owner"

var (
	options = []string{By, With, To, Min, Max, How, Wait, Part}
	wholes  = []Verb{Create, Apply, ServerApply, Replace, Recreate, Helm3, Helm4}
	changes = []Verb{Helm3Rollback, Helm4Rollback, SetImage, SetEnv, SetResources, PatchStrategic, PatchMerge, PatchJSON, Edit,
		RereadReplace, RereadApply, RereadServer, Scale, Autoscale, Label, Annotate, Undo, Restart, Pause, Resume, Release, Revert}
	ofRoutes = []Verb{Begin, Next, End, Keep, Resend}
)

// Whole says whether the verb sends a whole manifest.
func (v Verb) Whole() bool { return slices.Contains(wholes, v) }

// Rereads says whether the verb sends back, with changes, the whole of what it has read.
func (v Verb) Rereads() bool {
	return slices.Contains([]Verb{RereadReplace, RereadApply, RereadServer}, v)
}

// Verbs are all of sequences of a Deployment.
func Verbs() []Verb { return slices.Concat(wholes, changes) }

// Known says whether there is such a verb.
func (v Verb) Known() bool { return slices.Contains(Verbs(), v) || slices.Contains(ofRoutes, v) }

// Word is one word of a command behind its verb.
type Word struct {
	Key, Value string
	// Drop takes off what Key names; Value is empty then.
	Drop bool
}

// IsOption says whether the word is an option of its verb, and no setting.
func (w Word) IsOption() bool { return slices.Contains(options, w.Key) }

// Command is one line of a sequence.
type Command struct {
	Verb  Verb
	Words []Word
}

// String is the command as a line. Parse reads it back.
func (c Command) String() string {
	line := string(c.Verb)
	for _, w := range c.Words {
		line += " " + w.String()
	}
	return line
}

func (w Word) String() string {
	if w.Drop {
		return w.Key + "-"
	}
	return w.Key + "=" + w.Value
}

// Parse reads a command. It fails on verbs there are not and on words without a value.
func Parse(line string) (Command, error) {
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return Command{}, fmt.Errorf("parse command: the line is empty")
	}
	c := Command{Verb: Verb(fields[0])}
	if !c.Verb.Known() {
		return Command{}, fmt.Errorf("parse command %q: there is no verb %q", line, c.Verb)
	}
	words, err := ParseWords(fields[1:])
	if err != nil {
		return Command{}, fmt.Errorf("parse command %q: %w", line, err)
	}
	c.Words = words
	return c, nil
}

// ParseWords reads the words of a command.
func ParseWords(fields []string) ([]Word, error) {
	var words []Word
	for _, field := range fields {
		key, value, valued := strings.Cut(field, "=")
		if valued {
			words = append(words, Word{Key: key, Value: value})
			continue
		}
		key, drop := strings.CutSuffix(field, "-")
		if !drop || key == "" {
			return nil, fmt.Errorf("word %q is neither key=value nor key-", field)
		}
		words = append(words, Word{Key: key, Drop: true})
	}
	return words, nil
}

// Option is the value of an option, "" where the command does not have it.
func (c Command) Option(key string) string {
	for _, w := range c.Words {
		if w.Key == key {
			return w.Value
		}
	}
	return ""
}

// Settings are the words that are no options.
func (c Command) Settings() []Word {
	var out []Word
	for _, w := range c.Words {
		if !w.IsOption() {
			out = append(out, w)
		}
	}
	return out
}
