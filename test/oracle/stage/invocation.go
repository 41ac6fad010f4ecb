// Package stage is where sequences are played: it runs the clients against a real API server, and
// tells package compare what came of it.
package stage

import (
	"fmt"
	"strings"

	"holdfast.dev/holdfast/test/oracle/manifest"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// invocation is one run of a client, the same for both sides but for the namespace.
type invocation struct {
	program string
	args    []string
	stdin   []byte
	// fromLast makes stdin of what the run before it has printed, if it is not nil.
	fromLast func(printed []byte) ([]byte, error)
	env      []string
	// files are to be in the working directory, by path.
	files map[string][]byte
}

const (
	target = "deployment/" + manifest.Name
	// editVariable tells an editor that kubectl starts which settings to make.
	editVariable = "HOLDFAST_ORACLE_EDIT"
	// noRevision is a number that no revision has, for those that are not there.
	noRevision = 1 << 20
)

// situation is what the invocations of a command depend on besides it.
type situation struct {
	// editor is the path of a program that calls Edit.
	editor string
	// revision is that of the template to which Undo goes.
	revision int64
}

// invocations are the runs of clients that make up a command. Release and Revert have none.
func invocations(c sequence.Command, s situation) ([]invocation, error) {
	switch c.Verb {
	case sequence.Recreate:
		then, err := invocations(sequence.Command{Verb: sequence.Verb(c.Option(sequence.With)), Words: c.Words}, s)
		return append([]invocation{kubectl("delete", target)}, then...), err
	case sequence.Helm3, sequence.Helm4:
		return helmUpgrade(c)
	case sequence.Helm3Rollback, sequence.Helm4Rollback:
		return helmRollback(c), nil
	case sequence.Create, sequence.Apply, sequence.ServerApply, sequence.Replace:
		return sendManifest(c)
	case sequence.RereadReplace, sequence.RereadApply, sequence.RereadServer:
		return reread(c), nil
	case sequence.PatchStrategic, sequence.PatchMerge, sequence.PatchJSON:
		patch, err := manifest.Patch(c.Verb, c.Settings())
		kind := strings.TrimPrefix(string(c.Verb), "patch-")
		return []invocation{kubectl("patch", target, "--type="+kind, "--patch="+string(patch))}, err
	case sequence.Edit:
		edit := kubectl("edit", target)
		edit.env = []string{"KUBE_EDITOR=" + s.editor, editVariable + "=" + strings.Join(lines(c.Settings(), ""), " ")}
		return []invocation{edit}, nil
	case sequence.Undo:
		undo := kubectl("rollout", "undo", target)
		if c.Option(sequence.To) != "" {
			undo.args = append(undo.args, fmt.Sprintf("--to-revision=%d", s.revision))
		}
		return []invocation{undo}, nil
	}
	args, err := plain(c)
	return []invocation{kubectl(args...)}, err
}

// plain are the arguments of kubectl for commands that are nothing but arguments.
func plain(c sequence.Command) ([]string, error) {
	settings := c.Settings()
	switch c.Verb {
	case sequence.SetImage:
		args := []string{"set", "image", target}
		for _, w := range settings {
			container := strings.Replace(w.Key, "image", "app", 1)
			args = append(args, container+"="+manifest.Image(container, w.Value))
		}
		return args, nil
	case sequence.SetEnv:
		return append([]string{"set", "env", target, "--containers=app"}, lines(settings, "env.")...), nil
	case sequence.SetResources:
		args := []string{"set", "resources", target, "--containers=app"}
		for _, kind := range []string{"request", "limit"} {
			if list := having(settings, kind+"."); len(list) > 0 {
				args = append(args, "--"+kind+"s="+strings.Join(lines(list, kind+"."), ","))
			}
		}
		return args, nil
	case sequence.Scale:
		return append([]string{"scale", target}, "--"+strings.Join(lines(settings, ""), " ")), nil
	case sequence.Autoscale:
		return []string{"autoscale", target, "--min=" + c.Option(sequence.Min), "--max=" + c.Option(sequence.Max)}, nil
	case sequence.Label:
		return append([]string{"label", target, "--overwrite"}, lines(settings, "meta-label.")...), nil
	case sequence.Annotate:
		return append([]string{"annotate", target, "--overwrite"}, lines(settings, "meta-annotation.")...), nil
	case sequence.Restart, sequence.Pause, sequence.Resume:
		return []string{"rollout", string(c.Verb), target}, nil
	}
	return nil, fmt.Errorf("invoke %q: no client is known for it", c)
}

func sendManifest(c sequence.Command) ([]invocation, error) {
	file, err := manifest.YAML(c.Settings())
	send := kubectl(string(c.Verb), "-f", "-")
	if c.Verb == sequence.ServerApply {
		manager := c.Option(sequence.By)
		send = kubectl("apply", "-f", "-", "--server-side", "--field-manager="+manager)
		if manager != sequence.Owner {
			send.args = append(send.args, "--force-conflicts")
		}
	}
	send.stdin = file
	return []invocation{send}, err
}

// reread reads the Deployment, and sends it back with changes: to replace it as it was read, to
// apply it without what only servers write, as people keep it in a file.
func reread(c sequence.Command) []invocation {
	send := kubectl("replace", "-f", "-")
	edit := manifest.EditRead
	switch c.Verb {
	case sequence.RereadApply:
		send, edit = kubectl("apply", "-f", "-"), manifest.EditKept
	case sequence.RereadServer:
		manager := c.Option(sequence.By)
		send, edit = kubectl("apply", "-f", "-", "--server-side", "--force-conflicts", "--field-manager="+manager), manifest.EditKept
	}
	send.fromLast = func(printed []byte) ([]byte, error) { return edit(printed, c.Settings()) }
	return []invocation{kubectl("get", target, "-o", "yaml"), send}
}

// chart is the least there can be: its template is the whole manifest.
const chart = "apiVersion: v2\nname: " + manifest.Name + "\nversion: 1.0.0\n"

// helmUpgrade takes over what others have made: a sequence may change its tool on the way.
func helmUpgrade(c sequence.Command) ([]invocation, error) {
	file, err := manifest.YAML(c.Settings())
	run := helm(c.Verb, "upgrade", "--install", manifest.Name, "chart", "--take-ownership")
	run.files = map[string][]byte{"chart/Chart.yaml": []byte(chart), "chart/templates/web.yaml": file}
	return []invocation{run}, err
}

func helmRollback(c sequence.Command) []invocation {
	run := helm(c.Verb, "rollback", manifest.Name)
	if to := c.Option(sequence.To); to != "" {
		run.args = append(run.args, to)
	}
	return []invocation{run}
}

// helm is a run of the Helm that a verb names. Helm 4 applies server-side, as it does with every
// release of its own.
func helm(verb sequence.Verb, args ...string) invocation {
	program, _, _ := strings.Cut(string(verb), "-")
	if program == string(sequence.Helm4) {
		args = append(args, "--server-side=true", "--force-conflicts")
	}
	return invocation{program: program, args: args}
}

func kubectl(args ...string) invocation { return invocation{program: "kubectl", args: args} }

// lines are words as kubectl takes them, their keys without a prefix.
func lines(words []sequence.Word, prefix string) []string {
	var out []string
	for _, w := range words {
		w.Key = strings.TrimPrefix(w.Key, prefix)
		out = append(out, w.String())
	}
	return out
}

func having(words []sequence.Word, prefix string) []sequence.Word {
	var out []sequence.Word
	for _, w := range words {
		if strings.HasPrefix(w.Key, prefix) {
			out = append(out, w)
		}
	}
	return out
}
