package inline

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
)

// HookPath is where a hook stands, below the annotations.
func HookPath(annotations *field.Path, name string) *field.Path {
	return annotations.Key(v1alpha1.HookAnnotationPrefix + name)
}

// parseHooks reads "<type> <URL>" of each hook. What else a hook of a CanaryPlan may say has its defaults.
func parseHooks(annotations map[string]string, path *field.Path) (hooks []v1alpha1.Hook, errs field.ErrorList) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, is := strings.CutPrefix(key, v1alpha1.HookAnnotationPrefix)
		if !is {
			continue
		}
		words := strings.Fields(annotations[key])
		if len(words) != 2 {
			errs = append(errs, field.Invalid(HookPath(path, name), plaintext.Cut(annotations[key], maxShown),
				"must be when it is asked and the URL, such as ConfirmPromotion http://gate.example.com/check; what else a hook can say, a CanaryPlan can"))
			continue
		}
		hooks = append(hooks, v1alpha1.Hook{Name: name, Type: v1alpha1.HookType(words[0]), URL: words[1]})
	}
	return hooks, errs
}
