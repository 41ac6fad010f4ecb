package gather

import (
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/objects"
)

// mostMade is how much is kept of ReplicaSets that were made, in bytes of their JSON: those of a thousand
// runs that start at once, mostly.
const mostMade = 2 << 20

// madeSets are the answers to the last ReplicaSets that were made. Pods of these are about to come, and are
// compared with their templates, which the cache does not keep. It is safe for use by several goroutines.
type madeSets struct {
	mu   sync.Mutex
	size int
	all  []madeSet // the oldest first
}

type madeSet struct {
	uid   types.UID
	print canary.Print
	text  []byte
}

// keep keeps the answer to a ReplicaSet that was made, for as long as there is room.
func (m *madeSets) keep(answer *unstructured.Unstructured, print canary.Print) {
	text, err := answer.MarshalJSON()
	if err != nil || len(text) > mostMade {
		return // it is read when it is needed
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all, m.size = append(m.all, madeSet{answer.GetUID(), print, text}), m.size+len(text)
	for m.size > mostMade {
		m.size -= len(m.all[0].text)
		m.all = slices.Delete(m.all, 0, 1)
	}
}

// find is the answer to the ReplicaSet that the cache has, nil if it is not known or was changed since.
func (m *madeSets) find(cached *appsv1.ReplicaSet) *unstructured.Unstructured {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.all, func(s madeSet) bool { return cached != nil && s.uid == cached.UID })
	if i < 0 || m.all[i].print != objects.PrintOfSet(cached) {
		return nil
	}
	out := &unstructured.Unstructured{}
	if err := out.UnmarshalJSON(m.all[i].text); err != nil {
		return nil
	}
	return out
}

func (m *madeSets) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all, m.size = nil, 0
}
