package hold

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ReloaderVariables stands among the names of marks for the variables that Reloader puts
// into containers (its strategy env-vars), STAKATER_<NAME>_SECRET and the like.
const ReloaderVariables = "STAKATER_*"

// KnownMarks are the marks of a restart that count where nobody says otherwise: those of
// kubectl, Rancher, Reloader, Vault Secrets Operator, 1Password's operator and Keel.
var KnownMarks = []string{
	RestartedAt,
	"cattle.io/timestamp",
	"reloader.stakater.com/last-reloaded-from",
	ReloaderVariables,
	"vso.secrets.hashicorp.com/restartedAt",
	"operator.1password.io/last-restarted",
	"keel.sh/update-time",
}

// Marks are names of what a template says for its pods to be made anew and for nothing
// else: keys of its annotations, and ReloaderVariables.
//
// Templates are compared with them when a request comes, and nowhere else: what is
// stored is known by its Hash, which does not depend on which marks count today.
type Marks []string

// Version returns the hash of a template without marks. Two templates are one version if
// nothing but marks differs. A mark that the pods of a template may read stays: to them
// it may say anything. Whose template has no marks, its version is its hash.
func (m Marks) Version(t Template) (Hash, error) {
	_, version, err := m.Hashes(t)
	return version, err
}

// Hashes returns the hash of a template and its version.
func (m Marks) Hashes(t Template) (hash, version Hash, err error) {
	canonical := Canonical(t)
	if hash, err = hashOfCanonical(canonical); err != nil {
		return "", "", err
	}
	if !m.takeOff(canonical) {
		return hash, hash, nil
	}
	version, err = hashOfCanonical(canonical)
	return hash, version, err
}

// takeOff takes the marks off a template in its canonical form, and says whether there were any.
func (m Marks) takeOff(t Template) bool {
	annotations := m.takeOffAnnotations(t)
	variables := slices.Contains(m, ReloaderVariables) && takeOffVariables(t)
	return annotations || variables
}

func (m Marks) takeOffAnnotations(t Template) bool {
	metadata, _ := t["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	var paths []string
	found := false
	for _, key := range m {
		if _, there := annotations[key].(string); !there {
			continue
		}
		if paths == nil {
			paths = append(FieldPaths(t["spec"]), "")
		}
		if !ReadsMetadata(paths, "metadata.annotations", key) {
			delete(annotations, key)
			found = true
		}
	}
	if found {
		dropIfEmpty(metadata, "annotations")
		dropIfEmpty(t, "metadata")
	}
	return found
}

// A variable of Reloader has a name that Reloader makes, and a hash for a value: SHA-1
// or, of newer ones, SHA-512/256. Any other is not its mark.
var (
	reloaderName  = regexp.MustCompile(`^STAKATER_[A-Z0-9_]{1,253}_(CONFIGMAP|SECRET|SECRETPROVIDERCLASS)$`)
	reloaderValue = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

// isReloaders says whether an entry of env is a mark of Reloader, and under which name.
func isReloaders(entry any) (name string, is bool) {
	variable, _ := entry.(map[string]any)
	name, _ = variable["name"].(string)
	value, _ := variable["value"].(string)
	return name, len(variable) == 2 && reloaderName.MatchString(name) && reloaderValue.MatchString(value)
}

// takeOffVariables takes Reloader's variables off the containers. One that is named anywhere
// else in the spec (in a command, in another variable, by another entry of the same name)
// may have something to say, and stays.
func takeOffVariables(t Template) bool {
	spec, _ := t["spec"].(map[string]any)
	taken := map[string]bool{}
	without := make(map[string]any, len(spec))
	for key, value := range spec {
		without[key] = value
	}
	for _, list := range []string{"initContainers", "containers"} {
		containers, ok := spec[list].([]any)
		if !ok {
			continue
		}
		without[list] = withoutVariables(containers, func(name string) bool { taken[name] = true; return true })
	}
	if len(taken) == 0 {
		return false
	}
	text, err := json.Marshal(without)
	if err != nil {
		return false
	}
	stay := 0
	for name := range taken {
		if strings.Contains(string(text), name) {
			taken[name] = false
			stay++
		}
	}
	for _, list := range []string{"initContainers", "containers"} {
		if containers, ok := spec[list].([]any); ok {
			spec[list] = withoutVariables(containers, func(name string) bool { return taken[name] })
		}
	}
	return stay < len(taken)
}

// withoutVariables is a list of containers without those of Reloader's variables that are to go.
func withoutVariables(containers []any, goes func(name string) bool) []any {
	out := make([]any, len(containers))
	for i, c := range containers {
		out[i] = c
		container, _ := c.(map[string]any)
		env, _ := container["env"].([]any)
		var left []any
		for _, entry := range env {
			if name, is := isReloaders(entry); !is || !goes(name) {
				left = append(left, entry)
			}
		}
		if len(left) == len(env) {
			continue
		}
		changed := make(map[string]any, len(container))
		for key, value := range container {
			changed[key] = value
		}
		changed["env"] = left
		if len(left) == 0 {
			delete(changed, "env")
		}
		out[i] = changed
	}
	return out
}

// annotationKey is how a key of an annotation is written: a name, and before it perhaps a domain.
var annotationKey = regexp.MustCompile(`^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)

// ValidateMark says why a name is none of a mark, nil if it is one. Of the annotations
// that Kubernetes itself reads only kubectl's is one.
func ValidateMark(name string) error {
	domain, _, _ := strings.Cut(name, "/")
	switch {
	case name == RestartedAt || name == ReloaderVariables:
		return nil
	case !annotationKey.MatchString(name):
		return fmt.Errorf("%q is no key of an annotation; write one such as example.com/restarted-at, or %s for the variables of Reloader", name, ReloaderVariables)
	case domain != name && (isOf(domain, "kubernetes.io") || isOf(domain, "k8s.io")):
		return fmt.Errorf("%q is an annotation that Kubernetes may read: a change of it is no restart; leave it out", name)
	}
	return nil
}

func isOf(domain, of string) bool { return domain == of || strings.HasSuffix(domain, "."+of) }
