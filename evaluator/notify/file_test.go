package notify

import (
	"os"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/holdfast/evaluator/tell"
)

// TestTheExampleInTheDocs: it is right, and shows every kind of receiver.
func TestTheExampleInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/how-to/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	f, errs := parse([]byte(example), tell.Kinds())
	if len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
	var are []string
	for i := range f.Notifiers {
		are = append(are, f.Notifiers[i].are()...)
	}
	for _, kind := range []string{"slack", "webhook", "alertmanager"} {
		if !slices.Contains(are, kind) {
			t.Errorf("there is no %s among %v", kind, are)
		}
	}
	for _, key := range []string{"webhookFile:", "tokenFile:", "channel:", "urlFile:", "template:", "kinds:", "namespaces:", "lasts:", "cluster:", "bearerTokenFile:"} {
		if !strings.Contains(example, key) {
			t.Errorf("%s is not shown", key)
		}
	}
	for _, kind := range DefaultKinds {
		if !strings.Contains(string(page), "`"+kind+"`") {
			t.Errorf("%s, one of the kinds by default, is not documented", kind)
		}
		if !slices.Contains(tell.Kinds(), kind) {
			t.Errorf("%s is one of the kinds by default, and nothing is told by that name", kind)
		}
	}
}

func TestMistakesOfAFile(t *testing.T) {
	one := func(text string) string { return "notifiers:\n- name: a\n  " + text }
	for name, tc := range map[string]struct{ text, want string }{
		"no YAML":                  {"notifiers: [", "notifiers: Invalid value"},
		"an unknown key":           {one("slak: {}"), `unknown field "notifiers[0].slak"`},
		"no name":                  {"notifiers:\n- slack: {webhookFile: /a}", "notifiers[0].name: Required value"},
		"twice a name":             {"notifiers:\n- {name: a, slack: {webhookFile: /a}}\n- {name: a, slack: {webhookFile: /a}}", "notifiers[1].name: Duplicate value"},
		"nothing":                  {one("timeout: 1s"), "say what it is: slack, webhook or alertmanager"},
		"two things":               {one("slack: {webhookFile: /a}\n  webhook: {url: 'http://a'}"), "is slack and webhook; make a notifier of each"},
		"an unknown kind":          {one("kinds: [reverted]\n  slack: {webhookFile: /a}"), `notifiers[0].kinds[0]: Invalid value: "reverted": nothing that happens is called so; must be the reason of an event, a pattern of them, or "*" for all; perhaps Reverted`},
		"a pattern of none":        {one("kinds: ['Nope*']\n  slack: {webhookFile: /a}"), "nothing that happens is called so"},
		"an odd namespace":         {one("namespaces: [Shop]\n  slack: {webhookFile: /a}"), "notifiers[0].namespaces[0]"},
		"a relative file":          {one("slack: {webhookFile: a}"), "must be an absolute path"},
		"a bot without a channel":  {one("slack: {tokenFile: /a}"), "notifiers[0].slack.channel: Required value"},
		"a webhook with a channel": {one("slack: {webhookFile: /a, channel: b}"), "a webhook has a channel of its own"},
		"both ways of Slack":       {one("slack: {webhookFile: /a, tokenFile: /b, channel: c}"), "name webhookFile or tokenFile, not both"},
		"no way of Slack":          {one("slack: {}"), "name webhookFile, with the URL of an incoming webhook, or tokenFile and channel for a bot"},
		"no URL":                   {one("webhook: {}"), "where messages go, or urlFile"},
		"two URLs":                 {one("webhook: {url: 'http://a', urlFile: /a}"), "name url or urlFile, not both"},
		"a password in a URL":      {one("webhook: {url: 'https://u:secret@a'}"), "must have no user and password"},
		"a template that is none":  {one("webhook: {url: 'http://a', template: '{{ .Text'}"), "notifiers[0].webhook.template: Invalid value"},
		"an unknown field in it":   {one("webhook: {url: 'http://a', template: '{{ .Txt }}'}"), "can't evaluate field Txt"},
		"a template of no JSON":    {one(`webhook: {url: 'http://a', template: '{"text": "{{ .Text }}"}'}`), "makes no JSON of a message"},
		"one that is too long":     {one(`webhook: {url: 'http://a', contentType: text/plain, template: '{{ printf "%70000s" .Text }}'}`), "65536 is the most"},
		"own headers":              {one("webhook: {url: 'http://a', headers: {authorization: a}}"), "notifiers[0].webhook.headers[authorization]: Forbidden"},
		"an odd label":             {one("alertmanager: {url: 'http://a', labels: {a-b: c}}"), "notifiers[0].alertmanager.labels[a-b]"},
		"an alert for a second":    {one("alertmanager: {url: 'http://a', lasts: 1s}"), "must be from 1m to 168h"},
		"a timeout of an hour":     {one("timeout: 1h\n  alertmanager: {url: 'http://a'}"), "must be from 100ms to 1m"},
		"a huge file":              {strings.Repeat("#", maxLength+1), "Too long"},
	} {
		_, errs := parse([]byte(tc.text), tell.Kinds())
		if len(errs) == 0 || !strings.Contains(errs.ToAggregate().Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, errs.ToAggregate(), tc.want)
		}
	}
}

func TestWhoIsToldOfWhat(t *testing.T) {
	m := Message{Namespace: "team-a", Kind: "RolloutStuck"}
	for name, tc := range map[string]struct {
		n    Notifier
		want bool
	}{
		"by default":           {Notifier{}, true},
		"a namespace":          {Notifier{Namespaces: []string{"shop", "team-*"}}, true},
		"others":               {Notifier{Namespaces: []string{"shop"}}, false},
		"a pattern of kinds":   {Notifier{Kinds: []string{"Rollout*"}}, true},
		"everything":           {Notifier{Kinds: []string{"*"}}, true},
		"kinds that are other": {Notifier{Kinds: []string{"Reverted"}}, false},
	} {
		tc.n.setDefaults()
		if got := tc.n.wants(m); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	quiet := Notifier{}
	quiet.setDefaults()
	if quiet.wants(Message{Namespace: "team-a", Kind: "StepStarted"}) {
		t.Error("each step is told by default")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("notifiers:\n- {name: a, slack: {webhookFile: /a}}")
	f.Add("cluster: c\nnotifiers:\n- {name: a, kinds: ['R*'], webhook: {url: 'http://a', template: '{{ json . }}'}}")
	f.Add("notifiers:\n- {name: a, alertmanager: {url: 'http://a', labels: {a: b}}}")
	f.Fuzz(func(t *testing.T, text string) {
		file, errs := parse([]byte(text), tell.Kinds())
		if len(errs) > 0 {
			return
		}
		for i := range file.Notifiers {
			n := &file.Notifiers[i]
			if len(n.are()) != 1 || n.Timeout.Duration <= 0 || !notifierName.MatchString(n.Name) {
				t.Errorf("%+v passed", n)
			}
		}
	})
}
