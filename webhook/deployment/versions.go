package deployment

import "holdfast.dev/holdfast/internal/hold"

// versions are the hashes of the three templates that a request is about. They are compared as versions,
// without marks of restarts; a hash is that of all there is.
type versions struct {
	marks hold.Marks // what changes of templates are restarts

	stable, stableHash hold.Hash // of the template in the cluster
	asked, askedHash   hold.Hash // of the template in the request
	held, heldHash     hold.Hash // of the held template, "" without a hold

	templates struct{ stable, asked, held hold.Template }
}

// versionsOf works out the hashes and versions of what there is and what is asked for; held is nil without a
// hold. A hold of nothing but marks, made before they counted, is still one: beside it no marks count.
func versionsOf(stable, asked, held hold.Template, marks hold.Marks) (v versions, err error) {
	v.marks, v.templates.stable, v.templates.asked, v.templates.held = marks, stable, asked, held
	if v.stableHash, v.stable, err = marks.Hashes(stable); err != nil {
		return v, err
	}
	if v.askedHash, v.asked, err = v.hashes(asked); err != nil || held == nil {
		return v, err
	}
	if v.heldHash, v.held, err = v.hashes(held); err == nil && v.held == v.stable && v.heldHash != v.stableHash {
		return versionsOf(stable, asked, held, nil)
	}
	return v, err
}

// hashes are the hash and the version of a template. Most requests bring a template that is there already,
// and to compare two takes less than to hash one.
func (v *versions) hashes(template hold.Template) (hash, version hold.Hash, err error) {
	switch {
	case hold.Equal(template, v.templates.stable):
		return v.stableHash, v.stable, nil
	case v.askedHash != "" && hold.Equal(template, v.templates.asked):
		return v.askedHash, v.asked, nil
	case v.heldHash != "" && hold.Equal(template, v.templates.held):
		return v.heldHash, v.held, nil
	}
	return v.marks.Hashes(template)
}

// touched says whether the request brings another template than the stable one, be it by
// more than a restart.
func (v *versions) touched() bool { return v.asked != v.stable }

// asksFor says whether a template is the one that stands in the request.
func (v *versions) asksFor(template hold.Template) bool {
	hash, err := hold.HashOf(template)
	return template != nil && err == nil && hash == v.askedHash
}
