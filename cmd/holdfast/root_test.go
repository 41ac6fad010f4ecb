package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
)

// run runs the program with arguments.
func run(t *testing.T, args ...string) (out, said string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := newRoot(time.Now())
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(args)
	code = cli.Run(t.Context(), root)
	return stdout.String(), stderr.String(), code
}

func TestHelpOfEachCommand(t *testing.T) {
	for args, want := range map[string][]string{
		"--help": {
			"makes every image change of a Deployment a canary", "holdfast [flags]", "backtest    say what", "probe       measure requests", "uninstall   end all holds", "version     say which",
			"--prometheus-url string", "--zap-log-level level",
		},
		"-h":                 {"makes every image change of a Deployment a canary"},
		"backtest --help":    {"In the past there was no canary", "holdfast backtest --plan FILE --deployment NAME [flags]", "--out web.html", "-n, --namespace string"},
		"uninstall --help":   {"Deployments stay on their stable templates", "holdfast uninstall [flags]", "--timeout duration"},
		"probe --help":       {"reads\nalong and changes nothing", "--drain duration", "--metrics-port int32"},
		"version --help":     {"say which version this is", "holdfast version [flags]"},
		"help uninstall":     {"Deployments stay on their stable templates"},
		"uninstall -h extra": {"Deployments stay on their stable templates"},
	} {
		out, said, code := run(t, strings.Fields(args)...)
		if code != 0 || said != "" {
			t.Errorf("%s: exit code %d: %s", args, code, said)
		}
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("holdfast %s does not say %q:\n%s", args, text, out)
			}
		}
	}
}

func TestWhatIsNotKnownIsAnsweredWithWhatIs(t *testing.T) {
	for args, want := range map[string]struct {
		code int
		says []string
	}{
		"--no-such":                   {1, []string{"holdfast: unknown flag: --no-such; its flags are", "--prometheus-url string", "--zap-log-level"}},
		"--max-runs=many":             {1, []string{`holdfast: invalid argument "many" for "--max-runs" flag`, "its flags are", "--max-runs int"}},
		"uninstal":                    {1, []string{`holdfast: unknown command "uninstal"; there are backtest, help, probe, uninstall, version`}},
		"--namespace=a uninstal":      {1, []string{`unknown command "uninstal"; there are`}},
		"backtest --no-such":          {2, []string{"holdfast backtest: unknown flag: --no-such; its flags are", "--deployment string"}},
		"backtest plan.yaml":          {2, []string{`holdfast backtest: "plan.yaml" is no flag, and it takes nothing else; see --help`}},
		"uninstall --no-such":         {2, []string{"holdfast uninstall: unknown flag: --no-such; its flags are", "--timeout duration"}},
		"version --no-such":           {2, []string{"holdfast version: unknown flag: --no-such"}},
		"uninstall --namespace=":      {2, []string{"holdfast uninstall: --namespace is empty; set it, or the environment variable POD_NAMESPACE"}},
		"--namespace=":                {1, []string{"holdfast: --namespace is empty; set it, or the environment variable POD_NAMESPACE"}},
		"backtest --plan=- -o=yaml":   {2, []string{"holdfast backtest: --deployment is missing"}},
		"--namespace=a --max-runs=-1": {1, []string{"holdfast: --max-runs is -1"}},
	} {
		out, said, code := run(t, strings.Fields(args)...)
		if code != want.code || out != "" {
			t.Errorf("holdfast %s: exit code %d, want %d; printed %q", args, code, want.code, out)
		}
		for _, text := range want.says {
			if !strings.Contains(said, text) {
				t.Errorf("holdfast %s does not say %q:\n%s", args, text, said)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	out, said, code := run(t, "version")
	if code != 0 || said != "" || !strings.HasPrefix(out, "holdfast devel (go") || !strings.HasSuffix(out, ")\n") {
		t.Errorf("exit code %d: %q%q", code, out, said)
	}
}

// TestFlagsAreReadAsTheyAlwaysWere: as manifests and people write them. The lease is refused after
// all have been read.
func TestFlagsAreReadAsTheyAlwaysWere(t *testing.T) {
	for _, args := range []string{
		"--leader-elect=false --zap-log-level=debug --zap-devel --lease-duration 1s",
		"--leader-elect --zap-stacktrace-level=error --rewrite-status=true --lease-duration=1s",
	} {
		_, said, code := run(t, append(strings.Fields(args), "--namespace=a")...)
		if code != 1 || said != "holdfast: --lease-duration is 1s; it must be at least 3s\n" {
			t.Errorf("%s: exit code %d: %s", args, code, said)
		}
	}
}
