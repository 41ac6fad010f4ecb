package hold

// Alias says by which other hash a template is known: marks of a restart came to it since it
// was tried, or since it passed. It stands in the annotation holdfast.dev/restarted of the
// Deployment that runs the template. Of any other template it says nothing, so it need
// not be taken off when another one comes.
type Alias struct{ Hash, Of Hash }

// Resolve is the hash by which the template with this hash is known.
func (a Alias) Resolve(hash Hash) Hash {
	if a.Of != "" && a.Hash == hash {
		return a.Of
	}
	return hash
}
