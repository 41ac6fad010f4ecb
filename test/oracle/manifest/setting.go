// Package manifest makes Deployments, and patches of them, from the settings of a sequence. It is pure.
package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Object is a Deployment as JSON.
type Object = map[string]any

// setting is one thing that a manifest can say. Both functions work in place; name is what follows
// the dot in the key.
type setting struct {
	set   func(d Object, name, value string)
	unset func(d Object, name string)
	// number says that the value must be one.
	number bool
}

// Set makes one setting of a Deployment, or takes it off.
func Set(d Object, w sequence.Word) error {
	head, name, _ := strings.Cut(w.Key, ".")
	s, known := settings[head]
	switch {
	case !known:
		return fmt.Errorf("make setting %q: there is none called %q", w, head)
	case w.Drop:
		s.unset(d, name)
		return nil
	}
	if _, err := strconv.ParseInt(w.Value, 10, 64); s.number && err != nil {
		return fmt.Errorf("make setting %q: %w", w, err)
	}
	s.set(d, name, w.Value)
	return nil
}

// ofObject is a field of the object found by at.
func ofObject(field string, at ...string) setting {
	return setting{
		set:   func(d Object, _, value string) { child(d, at...)[field] = value },
		unset: func(d Object, _ string) { delete(child(d, at...), field) },
	}
}

// ofNumber is ofObject for numbers.
func ofNumber(field string, at ...string) setting {
	return setting{
		number: true,
		set:    func(d Object, _, value string) { child(d, at...)[field] = number(value) },
		unset:  func(d Object, _ string) { delete(child(d, at...), field) },
	}
}

// ofMap is an entry of a map of strings.
func ofMap(at ...string) setting {
	return setting{
		set:   func(d Object, name, value string) { child(d, at...)[name] = value },
		unset: func(d Object, name string) { remove(d, name, at...) },
	}
}

// ofApp is a field of the container "app".
func ofApp(field string, make func(value string) any) setting {
	return setting{
		set:   func(d Object, _, value string) { app(d)[field] = make(value) },
		unset: func(d Object, _ string) { delete(app(d), field) },
	}
}

// ofAppList is an element, found by its key, of a list of the container "app".
func ofAppList(field, key string, make func(name, value string) Object) setting {
	return setting{
		set:   func(d Object, name, value string) { upsert(app(d), field, key, make(name, value)) },
		unset: func(d Object, name string) { without(app(d), field, key, make(name, "0")[key]) },
	}
}

// ofContainers is another container with the image that is the value.
func ofContainers(list, name string) setting {
	return setting{
		set: func(d Object, _, value string) {
			upsert(podSpec(d), list, "name", Object{"name": name, "image": Image(name, value)})
		},
		unset: func(d Object, _ string) { without(podSpec(d), list, "name", name) },
	}
}

// child is the object at a path, made where it is not there.
func child(d Object, path ...string) Object {
	for _, key := range path {
		next, ok := d[key].(map[string]any)
		if !ok {
			next = Object{}
			d[key] = next
		}
		d = next
	}
	return d
}

// remove takes an entry off a map, and the map with its last one.
func remove(d Object, key string, path ...string) {
	m := child(d, path...)
	delete(m, key)
	if len(m) == 0 {
		delete(child(d, path[:len(path)-1]...), path[len(path)-1])
	}
}

func podSpec(d Object) Object { return child(d, "spec", "template", "spec") }

// app is the container "app", made where it is not there.
func app(d Object) Object {
	spec := podSpec(d)
	list, _ := spec["containers"].([]any)
	for _, c := range list {
		if c, ok := c.(map[string]any); ok && c["name"] == "app" {
			return c
		}
	}
	made := Object{"name": "app"}
	spec["containers"] = append(list, made)
	return made
}

// upsert puts an element into a list in place of the one with the same key, whose other fields stay.
func upsert(d Object, field, key string, element Object) {
	list, _ := d[field].([]any)
	for _, e := range list {
		if e, ok := e.(map[string]any); ok && e[key] == element[key] {
			for k, v := range element {
				e[k] = v
			}
			return
		}
	}
	d[field] = append(list, element)
}

// without takes an element off a list, and the list with its last one.
func without(d Object, field, key string, value any) {
	list, _ := d[field].([]any)
	list = slices.DeleteFunc(slices.Clone(list), func(e any) bool {
		m, ok := e.(map[string]any)
		return ok && m[key] == value
	})
	if d[field] = list; len(list) == 0 {
		delete(d, field)
	}
}

func number(value string) int64 {
	n, _ := strconv.ParseInt(value, 10, 64) // Set has looked
	return n
}
