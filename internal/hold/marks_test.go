package hold

import (
	"encoding/json"
	"strings"
	"testing"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// marked is a template whose annotations, first container and other parts of the spec have this more.
func marked(annotations, container, spec string) string {
	return `{"metadata":{"labels":{"app":"web"},"annotations":{"own":"1"` + annotations + `}},"spec":{"containers":[{"name":"app","image":"app:v1"` + container + `},{"name":"side"}]` + spec + `}}`
}

const sha1Of = `"2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"`

func TestVersionsThatAreTheSame(t *testing.T) {
	sha512Of := `"` + strings.Repeat("0a", 32) + `"`
	for name, other := range map[string]string{
		"kubectl":                          marked(`,"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"`, "", ""),
		"a script, by what is no time":     marked(`,"kubectl.kubernetes.io/restartedAt":"1777881720"`, "", ""),
		"Rancher":                          marked(`,"cattle.io/timestamp":"2026-01-01T00:00:00Z"`, "", ""),
		"Reloader, an annotation":          marked(`,"reloader.stakater.com/last-reloaded-from":"{\"type\":\"SECRET\"}"`, "", ""),
		"Reloader, a variable":             marked("", `,"env":[{"name":"STAKATER_DB_LOGIN_SECRET","value":`+sha1Of+`}]`, ""),
		"Reloader, a newer one":            marked("", `,"env":[{"name":"STAKATER_CONF_CONFIGMAP","value":`+sha512Of+`}]`, ""),
		"Reloader, in an init container":   marked("", "", `,"initContainers":[]`),
		"Vault Secrets Operator":           marked(`,"vso.secrets.hashicorp.com/restartedAt":"2026-01-01T00:00:00Z"`, "", ""),
		"the operator of 1Password":        marked(`,"operator.1password.io/last-restarted":"2026-01-01 00:00:00"`, "", ""),
		"Keel":                             marked(`,"keel.sh/update-time":"2026-01-01 00:00:00"`, "", ""),
		"what was named":                   marked(`,"built-at":"12"`, "", ""),
		"of pods that read another one":    marked(`,"built-at":"12"`, "", ""),
		"several at once":                  marked(`,"built-at":"12","cattle.io/timestamp":"2"`, `,"env":[{"name":"STAKATER_A_SECRET","value":`+sha1Of+`},{"name":"STAKATER_B_SECRET","value":`+sha1Of+`}]`, ""),
		"a default that is there, besides": marked(`,"built-at":"12"`, `,"imagePullPolicy":"IfNotPresent"`, ""),
	} {
		t.Run(name, func(t *testing.T) {
			if versionOf(t, other) != hashOf(t, marked("", "", "")) {
				t.Errorf("%s is another version", other)
			}
		})
	}
}

func TestVersionsThatAreOthers(t *testing.T) {
	variable := func(name, value string) string {
		return `,"env":[{"name":"` + name + `","value":` + value + `}]`
	}
	reads := func(path string) string {
		return `,"env":[{"name":"X","valueFrom":{"fieldRef":{"fieldPath":"` + path + `"}}}]`
	}
	for name, pair := range map[string][2]string{
		"an annotation that nobody named": {marked(`,"checksum/config":"1"`, "", ""), marked("", "", "")},
		"an image besides":                {strings.Replace(marked(`,"built-at":"1"`, "", ""), "app:v1", "app:v2", 1), marked("", "", "")},
		"an annotation that is read":      {marked(`,"built-at":"--evil"`, reads("metadata.annotations['built-at']"), ""), marked(`,"built-at":"1"`, reads("metadata.annotations['built-at']"), "")},
		"one that a volume has": {
			marked(`,"built-at":"--evil"`, "", `,"volumes":[{"name":"v","downwardAPI":{"items":[{"path":"a","fieldRef":{"fieldPath":"metadata.annotations"}}]}}]`),
			marked(`,"built-at":"1"`, "", `,"volumes":[{"name":"v","downwardAPI":{"items":[{"path":"a","fieldRef":{"fieldPath":"metadata.annotations"}}]}}]`)},
		"a value that is no hash":           {marked("", variable("STAKATER_DB_SECRET", `"evil"`), ""), marked("", "", "")},
		"a hash in capitals":                {marked("", variable("STAKATER_DB_SECRET", strings.ToUpper(sha1Of)), ""), marked("", "", "")},
		"a name of another prefix":          {marked("", variable("MY_STAKATER_DB_SECRET", sha1Of), ""), marked("", "", "")},
		"a name of another end":             {marked("", variable("STAKATER_DB", sha1Of), ""), marked("", "", "")},
		"a variable that a command is":      {marked("", `,"args":["$(STAKATER_DB_SECRET)"]`+variable("STAKATER_DB_SECRET", sha1Of), ""), marked("", `,"args":["$(STAKATER_DB_SECRET)"]`, "")},
		"a variable that another is":        {marked("", `,"env":[{"name":"STAKATER_DB_SECRET","value":`+sha1Of+`},{"name":"X","value":"a$(STAKATER_DB_SECRET)"}]`, ""), marked("", `,"env":[{"name":"X","value":"a$(STAKATER_DB_SECRET)"}]`, "")},
		"a variable that a probe has":       {marked("", `,"livenessProbe":{"exec":{"command":["sh","-c","echo $STAKATER_DB_SECRET"]}}`+variable("STAKATER_DB_SECRET", sha1Of), ""), marked("", `,"livenessProbe":{"exec":{"command":["sh","-c","echo $STAKATER_DB_SECRET"]}}`, "")},
		"a variable with a value from else": {marked("", `,"env":[{"name":"STAKATER_DB_SECRET","valueFrom":{"secretKeyRef":{"name":"a","key":"b"}}}]`, ""), marked("", "", "")},
		"the order of other variables":      {marked("", `,"env":[{"name":"A"},{"name":"STAKATER_DB_SECRET","value":`+sha1Of+`},{"name":"B"}]`, ""), marked("", `,"env":[{"name":"B"},{"name":"A"}]`, "")},
	} {
		t.Run(name, func(t *testing.T) {
			if versionOf(t, pair[0]) == versionOf(t, pair[1]) {
				t.Errorf("one version: %s", pair)
			}
		})
	}
}

// TestWithoutMarksAVersionIsItsHash also where some of those that are known are there.
func TestWithoutMarksAVersionIsItsHash(t *testing.T) {
	text := marked(`,"cattle.io/timestamp":"2"`, `,"env":[{"name":"STAKATER_A_SECRET","value":`+sha1Of+`}]`, "")
	if got, err := (Marks{}).Version(template(t, text)); err != nil || got != hashOf(t, text) {
		t.Errorf("version %s, error %v", got, err)
	}
}

func TestValidateMark(t *testing.T) {
	for name, right := range map[string]bool{
		RestartedAt: true, ReloaderVariables: true, "timestamp": true, "example.com/restarted-at": true, "rollme": true, "kubernetes.io": true,
		"": false, "a b": false, "STAKATER_": false, "a/b/c": false, "/a": false, "-a": false, "*": false, strings.Repeat("a", 64): false,
		"container.apparmor.security.beta.kubernetes.io/app": false, "seccomp.security.alpha.kubernetes.io/pod": false, "kubernetes.io/x": false, "x.k8s.io/y": false,
	} {
		if err := ValidateMark(name); (err == nil) != right {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func versionOf(t testing.TB, text string) Hash {
	t.Helper()
	version, err := append(Marks{"built-at"}, KnownMarks...).Version(template(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// FuzzVersion: what is left when marks are taken off has no marks, and nothing else is taken
// off: a template with marks put in is the same version, or they are read.
func FuzzVersion(f *testing.F) {
	f.Add(marked(`,"cattle.io/timestamp":"2"`, `,"env":[{"name":"STAKATER_A_SECRET","value":`+sha1Of+`}]`, ""))
	f.Add(marked(`,"built-at":"1"`, `,"env":[{"name":"X","valueFrom":{"fieldRef":{"fieldPath":"metadata.annotations['built-at']"}}}]`, ""))
	f.Add(`{"metadata":{"annotations":{"built-at":1}},"spec":{"containers":[null,{"env":{}}],"initContainers":{}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var in Template
		if utiljson.Unmarshal([]byte(text), &in) != nil || in == nil {
			return
		}
		before, _ := json.Marshal(in)
		marks := append(Marks{"built-at"}, KnownMarks...)
		_, version, err := marks.Hashes(in)
		if err != nil {
			t.Fatal(err)
		}
		if after, _ := json.Marshal(in); string(after) != string(before) {
			t.Fatalf("the template became %s", after)
		}
		bare := Canonical(in)
		marks.takeOff(bare)
		hash, again, err := marks.Hashes(bare)
		if err != nil || hash != version || again != version {
			t.Fatalf("version %s; without marks %s, and %s again; error %v", version, hash, again, err)
		}
		if metadata, ok := in["metadata"].(map[string]any); ok && len(FieldPaths(in["spec"])) == 0 {
			annotations, _ := metadata["annotations"].(map[string]any)
			was, isText := annotations["built-at"].(string)
			if annotations != nil && (isText || annotations["built-at"] == nil) && was != "12" {
				annotations["built-at"] = "12"
				if other, err := marks.Version(in); err != nil || other != version {
					t.Fatalf("with a mark the version is %s, not %s", other, version)
				}
			}
		}
	})
}
