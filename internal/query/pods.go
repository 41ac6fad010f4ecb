package query

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"holdfast.dev/holdfast/internal/labelname"
)

// podMatchers selects the pods of some ReplicaSets.
func (v Values) podMatchers(replicaSets []string) (string, error) {
	namespaceLabel, podLabel := cmp.Or(v.Labels.Namespace, "namespace"), cmp.Or(v.Labels.Pod, DefaultPodLabel)
	for _, label := range []string{namespaceLabel, podLabel} {
		if !labelname.Valid(label) {
			return "", fmt.Errorf("%q is no name of a Prometheus label", label)
		}
	}
	if !objectName.MatchString(v.Namespace) {
		return "", fmt.Errorf("%q is no name of a namespace", v.Namespace)
	}
	pattern, err := v.podPattern(replicaSets)
	if err != nil {
		return "", err
	}
	namespaceLabel, podLabel = labelname.Quoted(namespaceLabel), labelname.Quoted(podLabel)
	if pattern == "" {
		return fmt.Sprintf(`%s="%s",%s!~".*"`, namespaceLabel, v.Namespace, podLabel), nil
	}
	return fmt.Sprintf(`%s="%s",%s=~"%s"`, namespaceLabel, v.Namespace, podLabel, pattern), nil
}

// podPattern is the regular expression of the names of some ReplicaSets' pods,
// "" where there are none. Where names are cut, it is an error not to know them.
func (v Values) podPattern(replicaSets []string) (string, error) {
	var prefixes, patterns []string
	for _, name := range replicaSets {
		if !objectName.MatchString(name) {
			return "", fmt.Errorf("%q is no name of a ReplicaSet", name)
		}
		pods, known := v.PodNames[name]
		if !known {
			if isCut(name) {
				return "", fmt.Errorf("names of pods of ReplicaSet %s are cut to %d bytes, and those of others may begin alike: its pods can only be named one by one", name, maxGenerateName)
			}
			prefixes = append(prefixes, podPrefix(name))
			continue
		}
		pattern, err := namedPattern(podPrefix(name), pods)
		if err != nil {
			return "", err
		}
		if pattern != "" {
			patterns = append(patterns, pattern)
		}
	}
	if len(prefixes) > 0 {
		patterns = append(patterns, prefixPattern(prefixes))
	}
	return anyOf(patterns), nil
}

// podSuffix is what the API server appends to a generateName. Pods are named
// <ReplicaSet>-<podSuffix>, which no other ReplicaSet's pods match even where its
// name begins with the same words, unless names are cut. Pods of a Job, a StatefulSet
// or a DaemonSet of the name of the ReplicaSet do: what is measured names pods.
const podSuffix = "[a-z0-9]+"

func prefixPattern(prefixes []string) string {
	if len(prefixes) == 1 {
		return escapeDots(prefixes[0]) + podSuffix
	}
	return "(?:" + escapeDots(strings.Join(prefixes, "|")) + ")" + podSuffix
}

var wholeSuffix = regexp.MustCompile("^" + podSuffix + "$")

// namedPattern is the regular expression of some pods of one ReplicaSet, "" where
// there are none: no more than these, for Prometheus a list of names.
func namedPattern(prefix string, pods []string) (string, error) {
	suffixes := make([]string, len(pods))
	for i, pod := range pods {
		suffix, ok := strings.CutPrefix(pod, prefix)
		if !ok || !wholeSuffix.MatchString(suffix) {
			return "", fmt.Errorf("%q is no name of a pod of %s…", pod, prefix)
		}
		suffixes[i] = suffix
	}
	slices.Sort(suffixes)
	suffix := anyOf(slices.Compact(suffixes))
	if suffix == "" {
		return "", nil
	}
	return escapeDots(prefix) + suffix, nil
}

// anyOf is the alternation of some patterns, "" of none.
func anyOf(patterns []string) string {
	if len(patterns) < 2 {
		return strings.Join(patterns, "")
	}
	return "(?:" + strings.Join(patterns, "|") + ")"
}

func escapeDots(s string) string { return strings.ReplaceAll(s, ".", "[.]") }

// maxGenerateName is where the API server cuts a generateName (source:
// k8s.io/apiserver/pkg/storage/names).
const maxGenerateName = 58

func podPrefix(replicaSet string) string {
	prefix := replicaSet + "-"
	return prefix[:min(len(prefix), maxGenerateName)]
}

// isCut says whether the pods of a ReplicaSet do not carry its whole name.
func isCut(replicaSet string) bool { return len(replicaSet)+1 > maxGenerateName }

// IsNamedAsPodOf says whether a pod has a name that the API server makes for one of a
// ReplicaSet. Pods of others may have such names.
func IsNamedAsPodOf(replicaSet, pod string) bool {
	suffix, ok := strings.CutPrefix(pod, podPrefix(replicaSet))
	return ok && wholeSuffix.MatchString(suffix)
}
