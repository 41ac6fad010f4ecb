package query

import (
	"fmt"
	"strings"
)

// manyPods is from how many pods on a ReplicaSet has a stand-in while a query is read: to
// read the names of thousands takes longer than all else.
const manyPods = 64

// withStandIns has one name for the pods of each ReplicaSet of many, and what puts their
// names in its place, in what is rendered. They are checked as those of few are.
func (v Values) withStandIns() (Values, *strings.Replacer, error) {
	var pairs []string
	names := map[string][]string{}
	for set, pods := range v.PodNames {
		names[set] = pods
		if len(pods) < manyPods {
			continue
		}
		standIn := fmt.Sprintf("standsformanypods%04d", len(pairs)/2)
		all, err := namedPattern(podPrefix(set), pods)
		if err != nil {
			return v, nil, err
		}
		names[set] = []string{podPrefix(set) + standIn}
		pairs = append(pairs, escapeDots(podPrefix(set))+standIn, all)
	}
	v.PodNames = names
	return v, strings.NewReplacer(pairs...), nil
}

// isLong says whether a rendered query names very many pods. It is not read again where
// that is not needed.
func isLong(rendered string) bool { return len(rendered) > 2*MaxLength }
