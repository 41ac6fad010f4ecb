package backtest

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
)

// run runs the command, with a text on its standard input.
func run(t *testing.T, in string, args ...string) (out, said string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := Command(time.Now())
	c.SetIn(strings.NewReader(in))
	c.SetOut(&stdout)
	c.SetErr(&stderr)
	c.SetArgs(args)
	code = cli.Run(t.Context(), c)
	return stdout.String(), stderr.String(), code
}

func TestWrongFlagsAreNamed(t *testing.T) {
	good := []string{"--plan=plan.yaml", "--deployment=web", "--prometheus-url=http://localhost:9090"}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no plan":            {[]string{"--deployment=web"}, "--plan is missing"},
		"no Deployment":      {[]string{"--plan=-"}, "--deployment is missing"},
		"no Prometheus":      {[]string{"--plan=-", "--deployment=web"}, "give --prometheus-url, or --prometheus-endpoints"},
		"an unknown format":  {append(good, "-o=yaml"), `-o is "yaml"; it must be text or json`},
		"a time that is not": {append(good, "--rollout=noon"), `invalid argument "noon" for "--rollout"`},
		"a broken pattern":   {append(good, "--pods=("), "--pods: error parsing regexp"},
		"no URL":             {append(good, "--prometheus-url=localhost"), "--prometheus-url Invalid value"},
	} {
		t.Run(name, func(t *testing.T) {
			out, said, code := run(t, "", tc.args...)
			if code != cli.Wrong || !strings.Contains(said, tc.want) || out != "" {
				t.Errorf("exit code %d: %s, want %s", code, said, tc.want)
			}
		})
	}
}

func TestHelpSaysWhatStandsForTheCanary(t *testing.T) {
	help, _, code := run(t, "", "--help")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"In the past there was no canary", "Examples:", "--rollout", "-o, --output", "Exit code:"} {
		if !strings.Contains(help, want) {
			t.Errorf("the help does not say %q", want)
		}
	}
}

func TestAPlanThatIsNoneIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"kind: Deployment": "its kind is \"Deployment\", want a CanaryPlan",
		"kind: CanaryPlan\nspec: {analysis: {perriod: 1m}}":                           `unknown field "perriod"`,
		"kind: CanaryPlan\nspec: {analysis: {metrics: [{name: x, query: \"sum(\"}]}}": "spec.analysis.metrics[0].query",
	} {
		_, said, code := run(t, text, "--plan=-", "--deployment=web", "--prometheus-url=http://127.0.0.1:1")
		if code != cli.Failed || !strings.Contains(said, want) {
			t.Errorf("%s: exit code %d: %s, want %s", text, code, said, want)
		}
	}
}

func TestTimes(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		from, to         string
		wantFrom, wantTo time.Time
		mistake          string
	}{
		"a week":                   {"-7d", "now", now.AddDate(0, 0, -7), now, ""},
		"from one to another":      {"2026-05-01T00:00:00Z", "-1d", now.AddDate(0, 0, -3).Add(-12 * time.Hour), now.AddDate(0, 0, -1), ""},
		"the future is cut off":    {"-1h", "2027-01-01T00:00:00Z", now.Add(-time.Hour), now, ""},
		"backwards is a mistake":   {"now", "-1h", now, now, "--from now is not before --to -1h"},
		"a word is a mistake":      {"yesterday", "now", now, now, `--from is "yesterday"; it must be like`},
		"a unit must be there":     {"-7", "now", now, now, `--from is "-7"`},
		"an end that is a mistake": {"-7d", "7d", now, now, `--to is "7d"`},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{from: tc.from, to: tc.to}
			from, to, err := o.times(now)
			switch {
			case tc.mistake != "":
				if err == nil || !strings.Contains(err.Error(), tc.mistake) {
					t.Errorf("error %v, want %s", err, tc.mistake)
				}
			case err != nil || !from.Equal(tc.wantFrom) || !to.Equal(tc.wantTo):
				t.Errorf("%s to %s, %v; want %s to %s", from, to, err, tc.wantFrom, tc.wantTo)
			}
		})
	}
}

func TestEveryFlagSaysWhatItIs(t *testing.T) {
	var o Options
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.AddFlags(fs)
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Usage == "" {
			t.Errorf("--%s says nothing", f.Name)
		}
	})
}

// Names of pods are those that the API server makes of their ReplicaSet's, which it cuts at 58 bytes.
func TestPodsAreFoundByTheNamesThatKubernetesMakes(t *testing.T) {
	for length := range 70 {
		o := Options{deployment: strings.Repeat("d", length+1)}
		pattern := regexp.MustCompile("^(?:" + o.podPattern() + ")$")
		for _, hash := range []string{"7d4b9c5f6d", "7d4b9c5f6", "7d4b9c5f"} {
			set := o.deployment + "-" + hash
			pod := set + "-"
			if pod = pod[:min(len(pod), 58)] + "x7k2p"; !pattern.MatchString(pod) {
				t.Errorf("%s is not found by %s", pod, pattern)
			}
			if !o.setPattern().MatchString(set) || o.setPattern().MatchString(o.deployment+"d-"+hash) {
				t.Errorf("%s does not tell the ReplicaSets of %s", o.setPattern(), o.deployment)
			}
		}
	}
}
