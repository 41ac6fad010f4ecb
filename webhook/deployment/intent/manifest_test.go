package intent

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
)

const (
	envA = `"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}}`
	envB = `"f:env":{"k:{\"name\":\"B\"}":{".":{},"f:name":{},"f:value":{}}}`
)

// TestAManifest is merged three ways by Helm 3, which keeps the one before elsewhere.
func TestAManifest(t *testing.T) {
	for name, tc := range map[string]struct {
		stable, held, asked string
		// heldFields and fields are the manager's, of the container.
		heldFields, fields string
		byOther            bool
		want               string
	}{
		"drops an element of a list, not the others": {
			stable: `{name: app, image: v1}`,
			held:   `{name: app, image: v2, env: [{name: A, value: a}, {name: B, value: b}]}`, heldFields: `"f:image":{},` + envA,
			asked: `{name: app, image: v3, env: [{name: C, value: c}]}`, fields: `"f:image":{},` + strings.ReplaceAll(envA, `\"A\"`, `\"C\"`),
			want: `{name: app, image: v3, env: [{name: B, value: b}, {name: C, value: c}]}`,
		},
		"drops a whole list, with what others added to it": {
			stable: `{name: app, image: v1}`,
			held:   `{name: app, image: v2, args: [x], env: [{name: A, value: a}, {name: B, value: b}]}`, heldFields: `"f:image":{},"f:args":{},` + envA,
			asked: `{name: app, image: v2, args: [x]}`, fields: `"f:image":{},"f:args":{}`,
			want: `{name: app, image: v2, args: [x]}`,
		},
		"drops a list that only the stable template has of it": {
			stable: `{name: app, image: v1, env: [{name: A, value: a}]}`,
			held:   `{name: app, image: v1, env: [{name: B, value: b}]}`, heldFields: `"f:image":{}`,
			asked: `{name: app, image: v1}`, fields: `"f:image":{}`,
			want: `{name: app, image: v1}`,
		},
		// What Helm 4 had applied is not Helm 3's own, and goes on standing in its manifest.
		"drops an element of a list that it owns nothing of": {
			stable: `{name: app, image: v1, env: [{name: A, value: a}, {name: B, value: b}]}`,
			held:   `{name: app, image: v2, env: [{name: A, value: a}, {name: B, value: b}]}`, heldFields: ``,
			asked: `{name: app, image: v1, args: [x], env: [{name: A, value: a}]}`, fields: `"f:args":{}`, byOther: true,
			want: `{name: app, image: v2, args: [x], env: [{name: A, value: a}]}`,
		},
		"drops a field of an object that it owns nothing of": {
			stable: `{name: app, image: v1, resources: {limits: {cpu: 1, memory: 2Mi}, requests: {cpu: 1}}}`,
			held:   `{name: app, image: v2, resources: {limits: {cpu: 1, memory: 2Mi}, requests: {cpu: 1}}}`, heldFields: ``,
			asked: `{name: app, image: v1, args: [x], resources: {limits: {memory: 2Mi}, requests: {cpu: 1}}}`, fields: `"f:args":{}`, byOther: true,
			want: `{name: app, image: v2, args: [x], resources: {limits: {memory: 2Mi}, requests: {cpu: 1}}}`,
		},
		"and nothing else": {
			stable: `{name: app, image: v1, resources: {limits: {cpu: 1, memory: 2Mi}}}`,
			held:   `{name: app, image: v2, resources: {limits: {cpu: 1, memory: 2Mi}}}`, heldFields: ``,
			asked: `{name: app, image: v1, resources: {limits: {memory: 2Mi}}}`, fields: ``, byOther: true,
			want: `{name: app, image: v2, resources: {limits: {memory: 2Mi}}}`,
		},
		"drops an element of what the held template has not": {
			stable: `{name: app, image: v1, env: [{name: A, value: a}, {name: B, value: b}]}`,
			held:   `{name: app, image: v2}`, heldFields: ``,
			asked: `{name: app, image: v1, args: [x], env: [{name: A, value: a}]}`, fields: `"f:args":{}`, byOther: true,
			want: `{name: app, image: v2, args: [x]}`,
		},
		"leaves a list that it dropped, and that others filled": {
			stable: `{name: app, image: v1, env: [{name: A, value: a}]}`,
			held:   `{name: app, image: v1, env: [{name: B, value: b}]}`, heldFields: `"f:image":{}`,
			asked: `{name: app, image: v1, env: [{name: A, value: a}]}`, fields: `"f:image":{},` + envA,
			want: `{name: app, image: v1, env: [{name: B, value: b}]}`,
		},
		"says nothing of the API's defaults": {
			stable: `{name: app, image: v1, terminationMessagePath: /dev/termination-log}`,
			held:   `{name: app, image: v2, terminationMessagePath: /other}`, heldFields: `"f:image":{}`,
			asked: `{name: app, image: v3, terminationMessagePath: /dev/termination-log}`, fields: `"f:image":{},"f:terminationMessagePath":{}`, byOther: true,
			want: `{name: app, image: v3, terminationMessagePath: /other}`,
		},
		"of the held template again leaves dropped what it dropped": {
			stable: `{name: app, image: v1, args: [x]}`, held: app2, heldFields: `"f:image":{}`,
			asked: `{name: app, image: v2, args: [x]}`, fields: `"f:image":{},"f:args":{}`, want: app2},
		"of a newer version, too": {
			stable: `{name: app, image: v1, args: [x]}`, held: app2, heldFields: `"f:image":{}`,
			asked: `{name: app, image: v3, args: [x]}`, fields: `"f:image":{},"f:args":{}`, want: app3},
		"where nothing else tells leaves dropped what it dropped": {
			stable: `{name: app, image: v1, args: [x]}`, held: app1, heldFields: `"f:image":{}`,
			asked: `{name: app, image: v1, args: [x]}`, fields: `"f:image":{},"f:args":{}`, want: app1},
		"of the stable template brings back what the held one dropped": {
			stable: `{name: app, image: v1, args: [x]}`, held: app2, heldFields: `"f:image":{}`,
			asked: `{name: app, image: v1, args: [x]}`, fields: `"f:image":{},"f:args":{}`, want: `{name: app, image: v1, args: [x]}`},
		"brings back what somebody else dropped": {
			stable: `{name: app, image: v1, args: [x]}`, held: app1, heldFields: `"f:image":{}`, byOther: true,
			asked: `{name: app, image: v1, args: [x]}`, fields: `"f:image":{},"f:args":{}`, want: `{name: app, image: v1, args: [x]}`},
		"brings back with another value what it dropped": {
			stable: `{name: app, image: v1, env: [{name: A, value: a}]}`, held: app1, heldFields: `"f:image":{}`,
			asked: `{name: app, image: v1, env: [{name: A, value: b}]}`, fields: `"f:image":{},` + envA,
			want: `{name: app, image: v1, env: [{name: A, value: b}]}`},
		"changes a part of what the held template has nothing of": {
			stable: `{name: app, image: v1, livenessProbe: {httpGet: {path: /2, port: 8080}}}`,
			held:   `{name: app, image: v3}`, heldFields: `"f:args":{}`, byOther: true,
			asked: `{name: app, image: v1, livenessProbe: {httpGet: {path: /7, port: 8080}}}`, fields: `"f:livenessProbe":{"f:httpGet":{"f:path":{}}}`,
			want: `{name: app, image: v3, livenessProbe: {httpGet: {path: /7, port: 8080}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			helm := hold.Owner{Manager: "helm", Operation: "Update", APIVersion: "apps/v1", Fields: fields(t, strings.TrimSuffix(`{".":{},"f:name":{},`+tc.heldFields, ",")+`}`)}
			other := hold.Owner{Manager: "kubectl-set", Operation: "Update", APIVersion: "apps/v1", Fields: fields(t, `{`+envB+`}`)}
			got, err := Desire(Request{
				Stable: replay.Owned{Template: template(t, tc.stable)},
				Asked:  replay.Owned{Template: template(t, tc.asked)},
				Held:   &Held{Owned: replay.Owned{Template: template(t, tc.held), Owners: []hold.Owner{helm, other}}},
				Writer: Writer{
					Method: Manifest, By: replay.By{Manager: "helm", APIVersion: "apps/v1"}, AskedForHeld: !tc.byOther,
					Fields: fields(t, strings.TrimSuffix(`{".":{},"f:name":{},`+tc.fields, ",")+`}`),
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.Rule != RuleManifest {
				t.Errorf("rule %s", got.Rule)
			}
			sameTemplate(t, got.Template, template(t, tc.want))
		})
	}
}
