package gather

import (
	"bytes"
	"maps"
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

// madeSets are the answers to ReplicaSets that were made. Pods of these are about to come, and are compared
// with their templates, which the cache does not keep. It is safe for use by several goroutines.
type madeSets struct {
	mu   sync.Mutex
	size int
	of   map[types.NamespacedName][]madeSet // by run
}

type madeSet struct {
	uid   types.UID
	print canary.Print
	text  []byte
}

// keep keeps the answer to a ReplicaSet of a run that was made, if there is room.
func (m *madeSets) keep(run types.NamespacedName, answer *unstructured.Unstructured, print canary.Print) {
	bare := &unstructured.Unstructured{Object: maps.Clone(answer.Object)}
	if metadata, ok := bare.Object["metadata"].(map[string]any); ok {
		metadata = maps.Clone(metadata)
		delete(metadata, "managedFields") // nobody compares them
		bare.Object["metadata"] = metadata
	}
	text, err := bare.MarshalJSON()
	if err != nil {
		return // it is read when it is needed
	}
	text = bytes.Clone(text) // it has as much again behind it
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.size+len(text) > mostMade {
		return
	}
	if m.of == nil {
		m.of = map[types.NamespacedName][]madeSet{}
	}
	m.of[run], m.size = append(m.of[run], madeSet{answer.GetUID(), print, text}), m.size+len(text)
}

// find is the answer to the ReplicaSet of a run that the cache has, nil if it is not known or was changed
// since.
func (m *madeSets) find(run types.NamespacedName, cached *appsv1.ReplicaSet) *unstructured.Unstructured {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, made := range m.of[run] {
		if cached == nil || made.uid != cached.UID || made.print != objects.PrintOfSet(cached) {
			continue
		}
		out := &unstructured.Unstructured{}
		if err := out.UnmarshalJSON(made.text); err != nil {
			return nil
		}
		return out
	}
	return nil
}

// forget forgets the ReplicaSets of a run.
func (m *madeSets) forget(run types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, made := range m.of[run] {
		m.size -= len(made.text)
	}
	delete(m.of, run)
}

func (m *madeSets) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of, m.size = nil, 0
}
