package play

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"holdfast.dev/holdfast/test/oracle/routes/compare"
	"holdfast.dev/holdfast/test/oracle/routes/httproute"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// invocation is one run of a client.
type invocation struct {
	program string
	args    []string
	stdin   []byte
	env     []string
	chart   []byte // the template of the chart, for Helm
}

const (
	target = "httproute/" + httproute.Name
	// editVariable tells an editor that kubectl starts which changes to make.
	editVariable = "HOLDFAST_ORACLE_EDIT_ROUTE"
)

// Edit makes this process the editor of kubectl edit if it was started as one, and says whether it was.
// Whoever plays sequences calls it first.
func Edit() (bool, error) {
	line, isEditor := os.LookupEnv(editVariable)
	if !isEditor {
		return false, nil
	}
	words, err := sequence.ParseWords(strings.Fields(line))
	if err != nil {
		return true, err
	}
	path := os.Args[len(os.Args)-1]
	before, err := os.ReadFile(path) //nolint:gosec // kubectl names the file
	if err != nil {
		return true, fmt.Errorf("edit: %w", err)
	}
	after, err := httproute.EditYAML(before, words)
	if err != nil {
		return true, fmt.Errorf("edit %s: %w", path, err)
	}
	if err := os.WriteFile(path, after, 0o600); err != nil { //nolint:gosec // as above
		return true, fmt.Errorf("edit: %w", err)
	}
	return true, nil
}

func kubectl(args ...string) invocation { return invocation{program: "kubectl", args: args} }

// invocations are the runs of clients that make up a command with these words. text is what was read before
// it, for commands that send that back.
func (s *Stage) invocations(c sequence.Command, words []sequence.Word, text []byte) ([]invocation, error) {
	switch c.Verb {
	case sequence.Recreate:
		then, err := s.invocations(sequence.Command{Verb: sequence.Verb(c.Option(sequence.With)), Words: c.Words}, words, nil)
		return append([]invocation{kubectl("delete", target)}, then...), err
	case sequence.Helm3, sequence.Helm4:
		return helm(c.Verb, words)
	case sequence.Create, sequence.Apply, sequence.ServerApply, sequence.Replace:
		file, err := httproute.YAML(words, c.Option(sequence.Part) == sequence.Yes)
		return []invocation{sending(c.Verb, c.Option(sequence.By), file)}, err
	case sequence.RereadReplace, sequence.RereadApply, sequence.RereadServer, sequence.Resend:
		verb := map[sequence.Verb]sequence.Verb{
			sequence.RereadReplace: sequence.Replace, sequence.RereadApply: sequence.Apply, sequence.RereadServer: sequence.ServerApply,
			sequence.Resend: sequence.Verb(c.Option(sequence.With)),
		}[c.Verb]
		file, err := httproute.EditKept(text, words)
		return []invocation{sending(verb, c.Option(sequence.By), file)}, err
	case sequence.PatchMerge:
		patch, err := httproute.Merge(words)
		return []invocation{kubectl("patch", target, "--type=merge", "--patch="+string(patch))}, err
	case sequence.PatchJSON:
		patch, err := httproute.JSON(words)
		return []invocation{kubectl("patch", target, "--type=json", "--patch="+string(patch))}, err
	case sequence.Edit:
		edit := kubectl("edit", target)
		edit.env = []string{"KUBE_EDITOR=" + s.editor, editVariable + "=" + strings.Join(lines(words), " ")}
		return []invocation{edit}, nil
	case sequence.Label, sequence.Annotate:
		args := []string{string(c.Verb), target, "--overwrite"}
		for _, w := range words {
			_, w.Key, _ = strings.Cut(w.Key, ".")
			args = append(args, w.String())
		}
		return []invocation{kubectl(args...)}, nil
	}
	return nil, fmt.Errorf("invoke %q: no client is known for it", c)
}

// sending sends a file. Only Owner does not force conflicts.
func sending(verb sequence.Verb, by string, file []byte) invocation {
	out := kubectl(string(verb), "-f", "-")
	if verb == sequence.ServerApply {
		out = kubectl("apply", "-f", "-", "--server-side", "--field-manager="+by)
		if by != sequence.Owner {
			out.args = append(out.args, "--force-conflicts")
		}
	}
	out.stdin = file
	return out
}

// helm takes over what others have made: a sequence may change its tool on the way.
func helm(verb sequence.Verb, words []sequence.Word) ([]invocation, error) {
	file, err := httproute.YAML(words, false)
	out := invocation{program: string(verb), args: []string{"upgrade", "--install", httproute.Name, "chart", "--take-ownership"}, chart: file}
	if verb == sequence.Helm4 {
		out.args = append(out.args, "--server-side=true", "--force-conflicts")
	}
	return []invocation{out}, err
}

// lines are words as the editor takes them.
func lines(words []sequence.Word) []string {
	var out []string
	for _, w := range words {
		out = append(out, w.String())
	}
	return out
}

// tries is how often a client is run that lost a race with the status of a gateway, or with the evaluator:
// its user runs it again.
const tries = 8

// run runs clients one after the other in a namespace, until one fails.
func (l *Lane) run(ctx context.Context, namespace string, all []invocation) (total compare.Outcome, again int, err error) {
	for _, i := range all {
		for range tries {
			var one compare.Outcome
			if one, err = l.runOne(ctx, namespace, i); err != nil {
				return total, again, err
			}
			total.Code, total.Said = one.Code, total.Said+one.Said
			if one.Code == 0 || !strings.Contains(one.Said, "the object has been modified") {
				break
			}
			again++
		}
		if total.Code != 0 {
			break
		}
	}
	return total, again, nil
}

func (l *Lane) runOne(ctx context.Context, namespace string, i invocation) (compare.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.stage.cluster.Bin(i.program), append(i.args, "--namespace="+namespace)...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = bytes.NewReader(i.stdin), &said, &said, filepath.Join(l.dir, namespace)
	if err := os.MkdirAll(filepath.Join(cmd.Dir, "chart", "templates"), 0o750); err != nil {
		return compare.Outcome{}, fmt.Errorf("make folder of client: %w", err)
	}
	if i.chart != nil {
		// The least chart there can be: its template is the whole manifest.
		about := []byte("apiVersion: v2\nname: " + httproute.Name + "\nversion: 1.0.0\n")
		err := errors.Join(os.WriteFile(filepath.Join(cmd.Dir, "chart", "Chart.yaml"), about, 0o600),
			os.WriteFile(filepath.Join(cmd.Dir, "chart", "templates", "web.yaml"), i.chart, 0o600))
		if err != nil {
			return compare.Outcome{}, fmt.Errorf("write chart: %w", err)
		}
	}
	// A client lives too short for its collector of garbage to be worth its while.
	cmd.Env = append(cmd.Environ(), "KUBECONFIG="+l.stage.cluster.Kubeconfig(), "KUBECACHEDIR="+l.stage.discovery(), "GOGC=off", "GOMAXPROCS=1")
	cmd.Env = append(cmd.Env, i.env...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		return compare.Outcome{}, fmt.Errorf("run %s %v: %w", i.program, i.args, errors.Join(err, ctx.Err()))
	}
	return compare.Outcome{Code: cmd.ProcessState.ExitCode(), Said: said.String()}, nil
}
